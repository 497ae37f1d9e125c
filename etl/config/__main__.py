"""``python -m etl.config`` prints the JSON schema of config.yaml."""

from __future__ import annotations

import json
import sys

from etl.config._schema import json_schema

if __name__ == "__main__":
    sys.stdout.write(json.dumps(json_schema(), indent=2) + "\n")
