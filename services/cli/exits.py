"""What a command's exit code says; the same for every command."""

from __future__ import annotations

DONE, FAILED, WRONG_USE, PARTLY = 0, 1, 2, 3
"""Done; failed; used wrongly, nothing was done; done in part."""
