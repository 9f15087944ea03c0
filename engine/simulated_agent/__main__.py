"""Start of the simulated agent: `python -I -S …/simulated_agent/__main__.py`, the cheapest way to start it."""

import sys

# An isolated interpreter does not know the folder of our packages: it is three levels above this file.
_ROOT = __file__.rsplit("/", 3)[0] if __file__.count("/") >= 3 else "."
if _ROOT not in sys.path:
    sys.path.insert(0, _ROOT)

from engine.simulated_agent.agent import main  # noqa: E402

if __name__ == "__main__":
    main(sys.argv[1:])
