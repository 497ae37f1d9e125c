"""Dataframe ETL: readers and writers outside, pure transforms between them."""
