"""What people read: text on terminals and lists for spreadsheets, safe whatever the data hold."""
