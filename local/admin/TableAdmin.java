import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hbase.HBaseConfiguration;
import org.apache.hadoop.hbase.NamespaceDescriptor;
import org.apache.hadoop.hbase.NamespaceExistException;
import org.apache.hadoop.hbase.ServerName;
import org.apache.hadoop.hbase.TableExistsException;
import org.apache.hadoop.hbase.TableName;
import org.apache.hadoop.hbase.client.Admin;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptor;
import org.apache.hadoop.hbase.client.ColumnFamilyDescriptorBuilder;
import org.apache.hadoop.hbase.client.CompactionState;
import org.apache.hadoop.hbase.client.Connection;
import org.apache.hadoop.hbase.client.ConnectionFactory;
import org.apache.hadoop.hbase.client.TableDescriptor;
import org.apache.hadoop.hbase.client.TableDescriptorBuilder;
import org.apache.hadoop.hbase.regionserver.BloomType;
import org.apache.hadoop.hbase.util.Bytes;

/**
 * Creates and drops HBase tables with namespaces and split keys, which the Thrift gateway cannot.
 *
 * Usage: TableAdmin ZOOKEEPER_HOST ZOOKEEPER_PORT, with one order per line on standard input,
 * fields separated by tabs:
 *   create TABLE [family NAME MAX_VERSIONS LARGE_BYTES]... [split HEX]...
 *   drop TABLE
 *   purge TABLE
 * and one line per order on standard output: created, existed, dropped, absent or purged, and the
 * table. Values of LARGE_BYTES and more lie in files of their own (MOB); 0 is for families without
 * them, which are held in memory. To purge is to write the table's files again without deleted
 * cells, and to let go of the logs that still hold them.
 */
public final class TableAdmin {
    private TableAdmin() {}

    public static void main(String[] args) throws IOException {
        Configuration settings = HBaseConfiguration.create();
        settings.set("hbase.zookeeper.quorum", args[0]);
        settings.set("hbase.zookeeper.property.clientPort", args[1]);
        settings.setInt("hbase.client.retries.number", 5);
        settings.setInt("zookeeper.recovery.retry", 2);
        BufferedReader orders =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (Connection connection = ConnectionFactory.createConnection(settings);
                Admin admin = connection.getAdmin()) {
            for (String line = orders.readLine(); line != null; line = orders.readLine()) {
                String[] fields = line.split("\t");
                TableName table = TableName.valueOf(fields[1]);
                String outcome = switch (fields[0]) {
                    case "drop" -> drop(admin, table);
                    case "purge" -> purge(admin, table);
                    default -> create(admin, table, fields);
                };
                System.out.println(outcome + "\t" + fields[1]);
            }
        }
        // The client's own threads would hold the process for seconds.
        System.out.flush();
        Runtime.getRuntime().halt(0);
    }

    private static String create(Admin admin, TableName table, String[] fields) throws IOException {
        List<ColumnFamilyDescriptor> families = new ArrayList<>();
        List<byte[]> splits = new ArrayList<>();
        for (int i = 2; i < fields.length; ) {
            if (fields[i].equals("family")) {
                families.add(family(
                        fields[i + 1],
                        Integer.parseInt(fields[i + 2]),
                        Long.parseLong(fields[i + 3])));
                i += 4;
            } else {
                splits.add(Bytes.fromHex(fields[i + 1]));
                i += 2;
            }
        }
        if (admin.tableExists(table)) {
            return existing(admin, table, families);
        }
        ensureNamespace(admin, table.getNamespaceAsString());
        TableDescriptor wanted =
                TableDescriptorBuilder.newBuilder(table).setColumnFamilies(families).build();
        try {
            admin.createTable(wanted, splits.isEmpty() ? null : splits.toArray(new byte[0][]));
            return "created";
        } catch (TableExistsException another) {
            return existing(admin, table, families);
        }
    }

    private static ColumnFamilyDescriptor family(String name, int maxVersions, long largeBytes) {
        ColumnFamilyDescriptorBuilder family =
                ColumnFamilyDescriptorBuilder.newBuilder(Bytes.toBytes(name))
                        .setMaxVersions(maxVersions)
                        .setBloomFilterType(BloomType.ROW)
                        .setBlockCacheEnabled(true)
                        .setInMemory(largeBytes == 0);
        if (largeBytes > 0) {
            family.setMobEnabled(true).setMobThreshold(largeBytes);
        }
        return family.build();
    }

    private static long largeBytes(ColumnFamilyDescriptor family) {
        return family.isMobEnabled() ? family.getMobThreshold() : 0;
    }

    private static String existing(
            Admin admin, TableName table, List<ColumnFamilyDescriptor> wanted) throws IOException {
        TableDescriptor found = admin.getDescriptor(table);
        for (ColumnFamilyDescriptor family : wanted) {
            ColumnFamilyDescriptor has = found.getColumnFamily(family.getName());
            int versions = has == null ? 0 : has.getMaxVersions();
            if (versions != family.getMaxVersions()) {
                throw new IOException("table " + table + " exists, but its family "
                        + family.getNameAsString() + " keeps " + versions + " versions instead of "
                        + family.getMaxVersions() + ": drop the table, or ask for what it has");
            }
            if (largeBytes(has) != largeBytes(family)) {
                throw new IOException("table " + table + " exists, but its family "
                        + family.getNameAsString() + " has files of their own for values from "
                        + largeBytes(has) + " bytes on instead of " + largeBytes(family)
                        + " (0: none): drop the table, or ask for what it has");
            }
        }
        return "existed";
    }

    private static void ensureNamespace(Admin admin, String name) throws IOException {
        for (String known : admin.listNamespaces()) {
            if (known.equals(name)) {
                return;
            }
        }
        try {
            admin.createNamespace(NamespaceDescriptor.create(name).build());
        } catch (NamespaceExistException another) {
            // Made by another process in between: all that was wanted.
        }
    }

    private static String drop(Admin admin, TableName table) throws IOException {
        if (!admin.tableExists(table)) {
            return "absent";
        }
        if (admin.isTableEnabled(table)) {
            admin.disableTable(table);
        }
        admin.deleteTable(table);
        return "dropped";
    }

    private static String purge(Admin admin, TableName table) throws IOException {
        if (!admin.tableExists(table)) {
            return "absent";
        }
        // A log goes only when nothing in it waits to be flushed, of whichever table, HBase's own
        // among them: what is written from here on is in another one.
        rollLogs(admin);
        for (TableName each : admin.listTableNames((Pattern) null, true)) {
            if (admin.isTableEnabled(each)) {
                admin.flush(each);
            }
        }
        admin.majorCompact(table);
        try {
            // It begins by itself a moment after it was asked for.
            for (int quiet = 0; quiet < 5; ) {
                Thread.sleep(200);
                quiet = admin.getCompactionState(table) == CompactionState.NONE ? quiet + 1 : 0;
            }
        } catch (InterruptedException interrupted) {
            throw new IOException("interrupted while " + table + " was compacted", interrupted);
        }
        rollLogs(admin);
        admin.runCleanerChore();
        return "purged";
    }

    private static void rollLogs(Admin admin) throws IOException {
        for (ServerName server : admin.getRegionServers()) {
            admin.rollWALWriter(server);
        }
    }
}
