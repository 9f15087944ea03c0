"""`python -m tui.cli`: the same front door as the `quarterdeck` command."""

from tui.cli.main import main

if __name__ == "__main__":
    main()
