from sqlalchemy import create_engine, text
import pandas as pd

engine = create_engine("mssql+pyodbc://etl:S3cret@sql01/orders?driver=ODBC+Driver+17")  # must go: own-connection, hard-coded-credentials


def stage(customer):
    sql = f"SELECT * FROM dbo.orders_unified WHERE customer = '{customer}'"  # must go: string-built-sql
    frame = pd.read_sql(sql, engine)
    frame.to_sql("stg_orders", engine, if_exists="replace", index=False)  # must go: truncate-before-load
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM dbo.stg_orders"))  # must go: truncate-before-load
        connection.execute(text("UPDATE dbo.batches SET status = :s WHERE id = :i"), {"s": "x", "i": 1})
