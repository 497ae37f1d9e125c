#Requires -Version 5.1
# The wheel, config.yaml and the flows to Kestra, once the build is checked; --dry-run only shows it.
# KESTRA_URL, and KESTRA_API_TOKEN or KESTRA_USERNAME and KESTRA_PASSWORD, are read from the environment.
$ErrorActionPreference = 'Stop'
Set-Location (Split-Path -Parent $PSScriptRoot)
& (Join-Path $PSScriptRoot 'build.ps1')
if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
uv run --extra kestra etl flows deploy @args
exit $LASTEXITCODE
