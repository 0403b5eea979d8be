"""What must hold while Redis, a process or a reader fails: real processes under load, and a ledger of what was promised and what came.

``python -m tests.faults`` runs the scenarios and prints a line for each; ``--full`` takes minutes. `ledger` judges, and knows no process.
"""
