"""`python -m orderctl`: the same as `orderctl`."""

from orderctl.start import main

if __name__ == "__main__":
    main()
