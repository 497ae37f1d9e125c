"""Kestra: flows from jobs, checked, deployed and rolled back.

::

    render, needs       a job's flow as YAML, from the job and config.yaml
    files               the folder of flows: written, and compared with what is rendered
    check               strict rules for any flow, by target
    wheel               the package as one file, named by its sources
    state, snapshots    what a server holds, changed or put back; what is kept of it here
    deploy, rollback    all of a deployment, or nothing; and what was there before it
    build, connections  what can be known before anything is deployed
    line                what a run inside Kestra tells it
"""

from __future__ import annotations

from etl.kestra.render import render

__all__ = ["render"]
