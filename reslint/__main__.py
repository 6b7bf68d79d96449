"""`python -m reslint` in, what the command line does out."""

from reslint.cli import main

main()
