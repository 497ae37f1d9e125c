import os
import psycopg2

DB = {
    "host": "pg01",
    "user": "etl",
    "password": "hunter2",  # must go: hard-coded-credentials
}
os.environ["PYTHONPATH"] = "/opt/scripts"  # must go: sys-path
conn = psycopg2.connect(**DB)  # must go: own-connection
with conn.cursor() as cur:
    sql = "insert into log values ("
    sql += str(os.getpid()) + ")"  # must go: string-built-sql
    cur.execute(sql)
