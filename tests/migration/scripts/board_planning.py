import sys
import os
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "common"))  # must go: sys-path
import pyodbc
import requests

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ0aWQiOjEyMzQ1Njc4OX0.c2lnbmF0dXJl"  # must go: hard-coded-credentials


def load(rows):
    connection = pyodbc.connect(  # must go: own-connection
        "DRIVER={ODBC Driver 17 for SQL Server};SERVER=sql01;UID=etl;PWD=Spring2024!"  # must go: hard-coded-credentials
    )
    cursor = connection.cursor()
    cursor.execute("TRUNCATE TABLE dbo.board_planning")  # must go: truncate-before-load
    for row in rows:
        cursor.execute(  # must go: row-by-row
            "INSERT INTO dbo.board_planning (item_id, style) VALUES (?, ?)", row["id"], row["name"]
        )
    connection.commit()


def fetch():
    return requests.post("https://api.monday.com/v2", headers={"Authorization": TOKEN}, timeout=30)
