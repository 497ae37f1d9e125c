import pyodbc


class Loader:
    token: str = "mnd-1234567890"  # must go: hard-coded-credentials

    def __init__(self, dsn):
        self.cnxn = pyodbc.connect(dsn)  # must go: own-connection

    async def run(self, batches):
        async for batch in batches:
            await self.cnxn.execute("MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN DELETE")  # must go: row-by-row

    def insert(self, rows):
        return [self.cnxn.execute("insert into t values (?)", row) for row in rows]  # must go: row-by-row
