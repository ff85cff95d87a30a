"""HBase: the connection, tables, row keys, position stamps, states and latest rows."""
