from mssql_python import connect
import polars as pl


def main(days=7, api_key="k-20240101-abcdef"):  # must go: hard-coded-credentials
    connection = connect("Server=sql01;Database=distribution;Trusted_Connection=yes")  # must go: own-connection
    frame = pl.read_database(
        f"select * from packed where packed_on > dateadd(day, -{days}, getdate())",  # must go: string-built-sql
        connection,
    )
    for part in frame.iter_slices(50):
        part.write_database("packed_copy", connection)  # must go: row-by-row
    return api_key
