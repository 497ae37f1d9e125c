import sys

sys.path.append("C:/scripts/shared")  # must go: sys-path
sys.path += ["C:/scripts/more"]  # must go: sys-path
from db import get_conn

conn = get_conn()
cur = conn.cursor()
for i in range(10):
    cur.execute("INSERT INTO subitems VALUES (%d, 'x')" % i)  # must go: row-by-row, string-built-sql
