"""Identity resolution measured side by side with its peers: accuracy, one record, bulk."""
