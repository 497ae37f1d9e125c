import sqlite3
from contextlib import closing

with closing(sqlite3.connect("work.db")) as db:  # must go: own-connection
    columns = ["a", "b"]
    db.execute("INSERT INTO t ({}) VALUES (?, ?)".format(", ".join(columns)), (1, 2))  # must go: string-built-sql
    n = 0
    while n < 5:
        n += 1
        db.execute("update t set a = ? where b = ?", (n, n))  # must go: row-by-row
    db.execute("DROP TABLE t")  # must go: truncate-before-load
