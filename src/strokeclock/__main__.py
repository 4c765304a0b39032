"""python -m strokeclock: the same as the command strokeclock."""

import sys

from strokeclock.cli import main

sys.exit(main())
