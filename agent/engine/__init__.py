"""The tick loop: pick, dispatch, wait, merge in declared order, record."""
