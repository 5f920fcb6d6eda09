"""The command line: `python -m tensorxp info | demo | conformance | bench`."""
