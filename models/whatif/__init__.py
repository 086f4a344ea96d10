"""What if: scenarios over the forecast, with what each change does, how sure it is, and what it hangs on.

Here: today's usage and cost as cells, changes on them, totals over the forecast, sensitivity and Monte Carlo.
Not here: what a scenario may say (finops.config.scenarios), reading marts and showing results (cli, reports).
"""

from models.whatif.base import Base, WhatIfError, build_base
from models.whatif.result import WhatIf
from models.whatif.run import what_if

__all__ = ["Base", "WhatIf", "WhatIfError", "build_base", "what_if"]
