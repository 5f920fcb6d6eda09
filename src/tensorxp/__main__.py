"""Entry point of `python -m tensorxp`."""

import sys

from tensorxp._cli.main import main

sys.exit(main())
