#Requires -Version 5.1
# What a deployment is made of, checked: jobs, contracts, flows, the wheel and a trial run of it.
$ErrorActionPreference = 'Stop'
Set-Location (Split-Path -Parent $PSScriptRoot)
uv run --extra kestra etl check --build @args
exit $LASTEXITCODE
