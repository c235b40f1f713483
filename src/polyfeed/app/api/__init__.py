"""The native REST API under `/api`: for operators, and for users who trade without any exchange's dialect."""
