"""The life of one company's session: what may happen to it, and its keeper who makes that happen.

`state.py`, `table.py` and `machine.py` are pure; `keeper.py` carries their effects out on lease, store and process
(through `runner.py`), and `supervisor.py` has a keeper for each company.
"""
