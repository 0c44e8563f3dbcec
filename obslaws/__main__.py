"""`python -m obslaws` is the program `obslaws`."""

from obslaws.cli.app import main

if __name__ == "__main__":
    main()
