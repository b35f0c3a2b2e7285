"""Points: programmes, the double-entry ledger, lots, holds, and what they are spent on."""
