"""What stays: the door, bound values, secrets by name. Deleting from x, or select one from many, is prose."""

import logging
import os

from etl.io import db_helper as db

TABLE = "dbo.orders"
PASSWORD = os.environ["ORDERS_DB_PASSWORD"]
URL = "postgresql://etl:${ORDERS_DB_PASSWORD}@host/db"
PLACE = {"password": "${ORDERS_DB_PASSWORD}", "token": "", "secret": os.getenv("S")}


def run(po: str) -> None:
    frame = db.read_frame("select * from orders where po = :po", "orders", params={"po": po})
    db.write_frame(frame, TABLE, "orders", mode="replace")
    db.execute("delete from orders where po = :po", "orders", {"po": po})
    db.run_query(f"select count(*) as n from {TABLE}", "orders")
    logging.info(f"delete from {po}: done")
    print(f"select a row from {po}")
    for name in frame.columns:
        db.read_frame("select 1 as one", "orders")
        print("Update", name)
    db.execute("drop table #work", "orders")
