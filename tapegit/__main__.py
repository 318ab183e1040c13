"""`python -m tapegit`: the same as `tapes`."""

from tapegit.cli.main import main

if __name__ == "__main__":
    main()
