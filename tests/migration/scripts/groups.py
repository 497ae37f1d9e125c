import pymssql
import os

connection = pymssql.connect(server="sql01", user="etl", password="pa55word")  # must go: own-connection, hard-coded-credentials
table = os.environ["TABLE"]
statement = "DELETE FROM " + table + " WHERE gone = 1"  # must go: string-built-sql
connection.cursor().execute(statement)
