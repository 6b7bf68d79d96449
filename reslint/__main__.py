"""`python -m reslint` in, what the command line does out."""

from reslint.cli import main

if __name__ == "__main__":  # processes that share the work import this module as well
    main()
