"""Pictures of hsap's JSON outputs. `scripts/draw.py` is the command; each module draws one."""
