"""Kestra: flows from jobs, checked, deployed and rolled back.

::

    render      a job's flow as YAML, from the job and config.yaml
    check       strict rules for any flow, by target (types, templates, rules)
    diff        flows against what is committed, or live
    wheel       the package as one file, named by its content
    state       flows and files on a server: read, changed, put back
    deploy      what a deployment does, all of it or nothing
"""

from __future__ import annotations

from etl.kestra.render import render

__all__ = ["render"]
