"""The scripts here are read by the tests, and never run: pytest leaves them alone."""

collect_ignore_glob = ["scripts/*"]
