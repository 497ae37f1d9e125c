import pandas as pd
import pyodbc as odbc

password = "Warehouse#1"  # must go: hard-coded-credentials
conn = odbc.connect(driver="x", server="y", uid="etl", pwd=password)  # must go: own-connection
query = "SELECT * FROM shipped WHERE po = '%s'" % "A-1"  # must go: string-built-sql
shipped = pd.read_sql(query, conn)
cursor = conn.cursor()
shipped.apply(lambda row: cursor.execute("UPDATE audit SET qty = ? WHERE po = ?", row.qty, row.po), axis=1)  # must go: row-by-row
