"""The compiled core: plans generated from the model as Python functions, memoised per chart. What runs."""
