package everscore;

import java.io.DataOutputStream;
import java.io.BufferedInputStream;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.nio.ByteBuffer;
import java.nio.channels.Channels;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.BigIntVector;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.IntVector;
import org.apache.arrow.vector.VarBinaryVector;
import org.apache.arrow.vector.VarCharVector;
import org.apache.arrow.vector.VectorSchemaRoot;
import org.apache.arrow.vector.complex.ListVector;
import org.apache.arrow.vector.complex.StructVector;
import org.apache.arrow.vector.ipc.ArrowStreamReader;
import org.apache.arrow.vector.ipc.ArrowStreamWriter;
import org.apache.kafka.clients.producer.ProducerInterceptor;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.spark.SparkEnv;
import org.apache.spark.SparkFiles;
import org.apache.spark.TaskContext;
import org.apache.spark.TaskContext$;
import org.apache.spark.TaskKilledException;
import org.apache.spark.api.java.function.MapPartitionsFunction;
import org.apache.spark.api.python.PythonWorker;
import org.apache.spark.sql.Dataset;
import org.apache.spark.sql.Encoders;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.DataTypes;
import org.apache.spark.sql.types.StructField;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.util.TaskCompletionListener;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Python in Spark's real-time mode, which has no Python operator of its own: a task of a batch that
 * lasts an hour hands what has arrived, a frame, to a Python worker and the worker's messages to
 * Spark's sink.
 *
 * <p>Four threads of a task: `source` takes rows from Spark as they come, `exchange` sends what is
 * there as one Arrow batch and waits for the answer, the task's own thread hands messages to the
 * sink, and Kafka's reports which of them are published. One frame is with the worker and at most
 * two are on their way to the sink, so frames grow with the load.
 *
 * <p>With a frame the worker is told up to which offset all messages of the partition are on their
 * topics; it stores that with the frame, and a restart goes on there.
 *
 * <p>What is Spark's own and no public interface is used in this file only: Python workers
 * (SparkEnv), the task of a thread (TaskContext$). Compiled by jobs/spark/bridge_jar.py.
 */
public final class FrameBridge implements MapPartitionsFunction<Row, Row> {
  /**
   * How a task runs its worker.
   *
   * @param command what the worker reads first
   * @param python the interpreter
   * @param environment the worker's environment
   * @param files files of the job that the worker has on its path, by name
   * @param offsetColumn number of the column that holds a row's offset
   * @param mostRows most rows of a frame
   * @param mostBytes most bytes of a frame, unless one row has more
   * @param mostUnpublished so many frames may wait for Kafka; then no other begins
   * @param answerMillis how long a worker may be silent
   */
  public FrameBridge(
      byte[] command,
      String python,
      Map<String, String> environment,
      List<String> files,
      int offsetColumn,
      int mostRows,
      long mostBytes,
      int mostUnpublished,
      long answerMillis) {
    this.command = command;
    this.python = python;
    this.environment = new java.util.HashMap<>(environment);
    this.files = new ArrayList<>(files);
    this.offsetColumn = offsetColumn;
    this.mostRows = mostRows;
    this.mostBytes = mostBytes;
    this.mostUnpublished = mostUnpublished;
    this.answerMillis = answerMillis;
  }

  private static final String WORKER = "streaming.real_time.worker";
  private static final String DAEMON = "streaming.worker_daemon";
  private static final long ENDING_MILLIS = 10_000;
  private static final AtomicInteger running = new AtomicInteger();
  private static final AtomicInteger ready = new AtomicInteger();

  private final byte[] command;
  private final String python;
  private final java.util.HashMap<String, String> environment;
  private final ArrayList<String> files;
  private final int offsetColumn;
  private final int mostRows;
  private final long mostBytes;
  private final int mostUnpublished;
  private final long answerMillis;
  private StructType frameSchema;

  /** Tasks that run in this JVM: those of a query that was stopped end their frames first. */
  public static int runningTasks() {
    return running.get();
  }

  /** Those of them whose workers have loaded and connected all that the first record needs. */
  public static int readyTasks() {
    return ready.get();
  }

  /**
   * Start the processes that fork workers in this JVM: they import for seconds, while Spark plans.
   * The worker that is made for it waits for the first task.
   */
  public static void beginWorkers(
      String python, Map<String, String> environment, List<String> files) {
    Thread thread =
        new Thread(
            () -> {
              var variables = workerEnvironment(environment, files);
              PythonWorker worker =
                  SparkEnv.get().createPythonWorker(python, WORKER, DAEMON, variables, true)._1();
              SparkEnv.get().releasePythonWorker(python, WORKER, DAEMON, variables, worker);
            },
            "frames-begin-workers");
    thread.setDaemon(true);
    thread.start();
  }

  private static scala.collection.immutable.Map<String, String> workerEnvironment(
      Map<String, String> environment, List<String> files) {
    java.util.HashMap<String, String> variables = new java.util.HashMap<>(environment);
    List<String> path = new ArrayList<>();
    for (String file : files) {
      path.add(SparkFiles.get(file));
    }
    if (variables.containsKey("PYTHONPATH")) {
      path.add(variables.get("PYTHONPATH"));
    }
    variables.put("PYTHONPATH", String.join(":", path));
    variables.put("SPARK_REUSE_WORKER", "1");
    return scala.collection.immutable.Map.from(CollectionConverters.asScala(variables));
  }

  /** `records` through the bridge: the messages of the worker, in columns of `schema`. */
  public Dataset<Row> over(Dataset<Row> records, StructType schema) {
    frameSchema = records.schema();
    return records.mapPartitions(this, Encoders.row(schema));
  }

  @Override
  public Iterator<Row> call(Iterator<Row> rows) {
    TaskContext context = TaskContext.get();
    if (context.attemptNumber() > 0 || context.stageAttemptNumber() > 0) {
      // It would begin where the batch began, maybe an hour ago.
      throw new IllegalStateException("a real-time task is not tried again: its query starts anew");
    }
    FrameTask task = new FrameTask(rows, context);
    context.addTaskCompletionListener((TaskCompletionListener) ended -> task.end());
    task.begin();
    return task;
  }

  /** Messages of the frame that ends before offset `end`; the last answer about it has none. */
  private record Answer(List<Row> messages, long end, boolean isLast) {}

  private final class FrameTask implements Iterator<Row> {
    private final Iterator<Row> rows;
    private final TaskContext context;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    // Guarded by `lock`.
    private final ArrayDeque<Row> waiting = new ArrayDeque<>();
    private long waitingBytes;
    private boolean sourceEnded;
    private Answer answer;
    private boolean exchangeEnded;
    private Throwable failure;
    private boolean stopping;
    private final ArrayDeque<long[]> unpublished = new ArrayDeque<>(); // {sends, end of the frame}
    private long publishedUpto = -1;

    private Iterator<Row> current = List.<Row>of().iterator();
    private Answer handed;
    private final long failuresBefore = Acknowledgements.failures.get();
    private Thread source;
    private Thread exchange;
    private volatile PythonWorker worker;
    private volatile boolean workerIsReusable;
    private volatile boolean isReady;

    FrameTask(Iterator<Row> rows, TaskContext context) {
      this.rows = rows;
      this.context = context;
    }

    void begin() {
      running.incrementAndGet();
      source = started("source", this::readSource);
      exchange = started("exchange", this::exchangeFrames);
    }

    private Thread started(String name, Runnable work) {
      Thread thread = new Thread(work, "frames-" + name + "-" + context.partitionId());
      thread.setDaemon(true);
      thread.setContextClassLoader(Thread.currentThread().getContextClassLoader());
      thread.start();
      return thread;
    }

    // --- source ---

    private void readSource() {
      TaskContext$.MODULE$.setTaskContext(context);
      try {
        while (rows.hasNext()) {
          Row row = rows.next();
          long bytes = bytesOf(row);
          lock.lockInterruptibly();
          try {
            while (!waiting.isEmpty()
                && (waiting.size() >= mostRows || waitingBytes + bytes > mostBytes)) {
              changed.await();
            }
            waiting.add(row);
            waitingBytes += bytes;
            if (waiting.size() == 1) {
              changed.signalAll();
            }
          } finally {
            lock.unlock();
          }
        }
        ended(true, false, null);
      } catch (Throwable error) {
        ended(true, false, error);
      }
    }

    private static long bytesOf(Row row) {
      long bytes = 64;
      for (int column = 0; column < row.length(); column++) {
        if (row.get(column) instanceof byte[] value) {
          bytes += value.length;
        }
      }
      return bytes;
    }

    private void ended(boolean isSource, boolean isExchange, Throwable error) {
      lock.lock();
      try {
        sourceEnded |= isSource;
        exchangeEnded |= isExchange;
        boolean isExpected = stopping && isSource;
        if (error != null && failure == null && !isExpected) {
          failure = error;
        }
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    // --- exchange ---

    private void exchangeFrames() {
      TaskContext$.MODULE$.setTaskContext(context);
      try (BufferAllocator allocator = new RootAllocator()) {
        var variables = workerEnvironment(environment, files);
        worker = SparkEnv.get().createPythonWorker(python, WORKER, DAEMON, variables, true)._1();
        WorkerStreams streams = new WorkerStreams(worker, answerMillis);
        DataOutputStream begin = new DataOutputStream(streams.output);
        begin.writeInt(command.length);
        begin.write(command);
        begin.flush();
        exchangeFrames(allocator, streams);
        workerIsReusable = true;
        ended(false, true, null);
      } catch (Throwable error) {
        ended(false, true, error);
      }
    }

    private void exchangeFrames(BufferAllocator allocator, WorkerStreams streams)
        throws IOException, InterruptedException {
      try (Columns columns = new Columns(allocator, frameSchema);
          ArrowStreamReader reader = new ArrowStreamReader(streams.input, allocator)) {
        // It owns nothing, and closing it after a failure would write to a worker that is gone.
        ArrowStreamWriter writer =
            new ArrowStreamWriter(columns.root, null, Channels.newChannel(streams.output));
        writer.start();
        streams.output.flush();
        readAnswer(reader, -1); // the worker is ready
        isReady = true;
        ready.incrementAndGet();
        List<Row> frame;
        while ((frame = nextFrame()) != null) {
          columns.fill(frame, publishedUpto());
          writer.writeBatch();
          streams.output.flush();
          long end = frame.get(frame.size() - 1).getLong(offsetColumn) + 1;
          frame = null; // its memory is not needed while the worker works
          readAnswer(reader, end);
        }
        writer.end();
        streams.output.flush();
        while (reader.loadNextBatch()) {}
      }
    }

    /** All that has arrived; null when nothing comes any more, or the task is to end. */
    private List<Row> nextFrame() throws InterruptedException {
      lock.lock();
      try {
        while (true) {
          checkFailure();
          if (stopping || (waiting.isEmpty() && sourceEnded)) {
            return null;
          }
          notePublished();
          if (!waiting.isEmpty() && unpublished.size() < mostUnpublished) {
            break;
          }
          if (unpublished.size() >= mostUnpublished) {
            changed.await(1, TimeUnit.MILLISECONDS);
          } else {
            changed.await();
          }
        }
        List<Row> frame = new ArrayList<>(waiting);
        waiting.clear();
        waitingBytes = 0;
        changed.signalAll();
        return frame;
      } finally {
        lock.unlock();
      }
    }

    private void readAnswer(ArrowStreamReader reader, long end)
        throws IOException, InterruptedException {
      while (true) {
        if (!reader.loadNextBatch()) {
          throw new IOException("the Python worker ended in the middle of a frame");
        }
        List<Row> messages = Messages.in(reader.getVectorSchemaRoot());
        boolean isLast = messages.isEmpty();
        lock.lock();
        try {
          while (answer != null && failure == null) {
            changed.await();
          }
          checkFailure();
          answer = new Answer(messages, end, isLast);
          changed.signalAll();
        } finally {
          lock.unlock();
        }
        if (isLast) {
          return;
        }
      }
    }

    private void checkFailure() {
      if (failure != null) {
        throw new IllegalStateException("the task has failed", failure);
      }
      if (Acknowledgements.failures.get() != failuresBefore) {
        throw new IllegalStateException(
            "Kafka did not take a message: " + Acknowledgements.lastFailure);
      }
    }

    // --- published ---

    private long publishedUpto() {
      lock.lock();
      try {
        notePublished();
        return publishedUpto;
      } finally {
        lock.unlock();
      }
    }

    /** With the lock: frames whose messages are all acknowledged are published. */
    private void notePublished() {
      long acknowledged = Acknowledgements.allUpto.get();
      if (Acknowledgements.failures.get() != failuresBefore) {
        return;
      }
      while (!unpublished.isEmpty() && unpublished.peek()[0] <= acknowledged) {
        publishedUpto = unpublished.poll()[1];
      }
    }

    // --- the task's own thread: Spark's sink asks for messages ---

    @Override
    public boolean hasNext() {
      noteInterrupt();
      while (!current.hasNext()) {
        // The sink asks for more: it has sent all messages of the frame.
        if (handed != null && handed.isLast && handed.end >= 0) {
          lock.lock();
          try {
            unpublished.add(new long[] {Acknowledgements.sent.get(), handed.end});
          } finally {
            lock.unlock();
          }
        }
        handed = nextAnswer();
        if (handed == null) {
          return false;
        }
        current = handed.messages.iterator();
      }
      return true;
    }

    @Override
    public Row next() {
      if (!hasNext()) {
        throw new NoSuchElementException();
      }
      return current.next();
    }

    private Answer nextAnswer() {
      lock.lock();
      try {
        while (answer == null && !exchangeEnded && failure == null) {
          try {
            changed.await();
          } catch (InterruptedException interrupt) {
            stop();
          }
        }
        if (answer != null) {
          Answer next = answer;
          answer = null;
          changed.signalAll();
          return next;
        }
        if (failure != null) {
          throw new IllegalStateException(failure.getMessage(), failure);
        }
      } finally {
        lock.unlock();
      }
      if (stopping) {
        awaitAcknowledgements();
        throw new TaskKilledException("stopped after a whole frame");
      }
      return null;
    }

    /** Spark interrupts the thread of a task that is to end: the frame under way is ended first. */
    private void noteInterrupt() {
      if (Thread.interrupted()) {
        lock.lock();
        try {
          stop();
        } finally {
          lock.unlock();
        }
      }
    }

    private void stop() {
      stopping = true;
      changed.signalAll();
    }

    private void awaitAcknowledgements() {
      long sends = Acknowledgements.sent.get();
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(ENDING_MILLIS);
      while (Acknowledgements.allUpto.get() < sends && System.nanoTime() < deadline) {
        try {
          Thread.sleep(1);
        } catch (InterruptedException again) {
          return;
        }
      }
    }

    // --- end ---

    void end() {
      lock.lock();
      try {
        stop();
        if (failure == null && !exchangeEnded) {
          failure = new IllegalStateException("the task has ended");
        }
      } finally {
        lock.unlock();
      }
      try {
        // Spark closes its reader next: nobody may be in it.
        source.interrupt();
        join(source);
        if (!workerIsReusable && worker != null) {
          worker.stop(); // whoever waits for it goes on
        }
        exchange.interrupt();
        join(exchange);
        if (worker != null) {
          var variables = workerEnvironment(environment, files);
          if (workerIsReusable) {
            SparkEnv.get().releasePythonWorker(python, WORKER, DAEMON, variables, worker);
          } else {
            SparkEnv.get().destroyPythonWorker(python, WORKER, DAEMON, variables, worker);
          }
        }
      } finally {
        running.decrementAndGet();
        if (isReady) {
          ready.decrementAndGet();
        }
      }
    }

    private static void join(Thread thread) {
      boolean interrupted = Thread.interrupted();
      try {
        thread.join(ENDING_MILLIS);
      } catch (InterruptedException again) {
        interrupted = true;
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /** The socket of a worker as streams; a read that takes too long fails. */
  private static final class WorkerStreams {
    final OutputStream output;
    final InputStream input;
    private final SocketChannel channel;
    private final Selector selector;
    private final SelectionKey key;
    private final long answerMillis;

    WorkerStreams(PythonWorker worker, long answerMillis) {
      this.answerMillis = answerMillis;
      channel = worker.channel();
      selector = worker.selector();
      key = worker.selectionKey();
      output = new BufferedOutputStream(new ToWorker(), 1 << 16);
      input = new BufferedInputStream(new FromWorker(), 1 << 16);
    }

    private void await(int operation) throws IOException {
      key.interestOps(operation);
      long deadline = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(answerMillis);
      do {
        long left = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
        if (left <= 0) {
          throw new IOException(
              "the Python worker did not answer within " + answerMillis / 1000 + " s");
        }
        selector.select(left);
      } while (selector.selectedKeys().isEmpty());
      selector.selectedKeys().clear();
    }

    private final class ToWorker extends OutputStream {
      @Override
      public void write(int one) throws IOException {
        write(new byte[] {(byte) one}, 0, 1);
      }

      @Override
      public void write(byte[] bytes, int begin, int count) throws IOException {
        ByteBuffer rest = ByteBuffer.wrap(bytes, begin, count);
        while (rest.hasRemaining()) {
          if (channel.write(rest) == 0) {
            await(SelectionKey.OP_WRITE);
          }
        }
      }
    }

    private final class FromWorker extends InputStream {
      @Override
      public int read() throws IOException {
        byte[] one = new byte[1];
        return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
      }

      @Override
      public int read(byte[] bytes, int begin, int count) throws IOException {
        ByteBuffer into = ByteBuffer.wrap(bytes, begin, count);
        int read;
        while ((read = channel.read(into)) == 0) {
          await(SelectionKey.OP_READ);
        }
        return read;
      }
    }
  }

  /** The columns of a frame: those of Spark's rows, and what is published. */
  private static final class Columns implements AutoCloseable {
    final VectorSchemaRoot root;
    private final List<FieldVector> vectors = new ArrayList<>();
    private final BigIntVector published;

    Columns(BufferAllocator allocator, StructType schema) {
      for (StructField field : schema.fields()) {
        vectors.add(vector(field.name(), field.dataType(), allocator));
      }
      published = new BigIntVector("published_upto", allocator);
      List<FieldVector> all = new ArrayList<>(vectors);
      all.add(published);
      root = new VectorSchemaRoot(all);
    }

    private static FieldVector vector(String name, DataType type, BufferAllocator allocator) {
      if (type.equals(DataTypes.BinaryType)) {
        return new VarBinaryVector(name, allocator);
      }
      if (type.equals(DataTypes.StringType)) {
        return new VarCharVector(name, allocator);
      }
      if (type.equals(DataTypes.LongType)) {
        return new BigIntVector(name, allocator);
      }
      if (type.equals(DataTypes.IntegerType)) {
        return new IntVector(name, allocator);
      }
      throw new IllegalArgumentException("column " + name + " has the type " + type.sql());
    }

    void fill(List<Row> frame, long publishedUpto) {
      int count = frame.size();
      for (int column = 0; column < vectors.size(); column++) {
        FieldVector vector = vectors.get(column);
        vector.reset();
        for (int row = 0; row < count; row++) {
          set(vector, row, frame.get(row).get(column));
        }
        vector.setValueCount(count);
      }
      published.reset();
      published.setSafe(0, publishedUpto);
      published.setValueCount(count);
      root.setRowCount(count);
    }

    private static void set(FieldVector vector, int row, Object value) {
      if (value == null) {
        return; // reset() made it null
      }
      if (vector instanceof VarBinaryVector binary) {
        byte[] bytes = (byte[]) value;
        binary.setSafe(row, bytes, 0, bytes.length);
      } else if (vector instanceof VarCharVector text) {
        text.setSafe(row, ((String) value).getBytes(StandardCharsets.UTF_8));
      } else if (vector instanceof BigIntVector number) {
        number.setSafe(row, (Long) value);
      } else {
        ((IntVector) vector).setSafe(row, (Integer) value);
      }
    }

    @Override
    public void close() {
      root.close();
    }
  }

  /** A worker's messages as rows of the sink; one without a topic carries an error. */
  private static final class Messages {
    static List<Row> in(VectorSchemaRoot root) {
      VarCharVector topics = (VarCharVector) root.getVector("topic");
      VarBinaryVector keys = (VarBinaryVector) root.getVector("key");
      VarBinaryVector values = (VarBinaryVector) root.getVector("value");
      ListVector headers = (ListVector) root.getVector("headers");
      int count = root.getRowCount();
      List<Row> rows = new ArrayList<>(count);
      byte[] lastTopic = null;
      String topic = null;
      for (int row = 0; row < count; row++) {
        byte[] bytes = topics.get(row);
        if (bytes == null) {
          throw new IllegalStateException(new String(values.get(row), StandardCharsets.UTF_8));
        }
        if (!java.util.Arrays.equals(bytes, lastTopic)) {
          topic = new String(bytes, StandardCharsets.UTF_8);
          lastTopic = bytes;
        }
        rows.add(RowFactory.create(topic, keys.get(row), values.get(row), headersOf(headers, row)));
      }
      return rows;
    }

    private static Row[] headersOf(ListVector headers, int row) {
      if (headers.isNull(row)) {
        return null;
      }
      StructVector structs = (StructVector) headers.getDataVector();
      VarCharVector names = (VarCharVector) structs.getChild("key");
      VarBinaryVector values = (VarBinaryVector) structs.getChild("value");
      int begin = headers.getElementStartIndex(row);
      Row[] pairs = new Row[headers.getElementEndIndex(row) - begin];
      for (int pair = 0; pair < pairs.length; pair++) {
        String name = new String(names.get(begin + pair), StandardCharsets.UTF_8);
        pairs[pair] = RowFactory.create(name, values.get(begin + pair));
      }
      return pairs;
    }
  }

  /**
   * Counts what Kafka's producers of this JVM send and what is acknowledged.
   *
   * <p>An acknowledgement does not say which send it belongs to. But whenever as many are
   * acknowledged as were sent, all of them are; while a worker scores a frame that is often so.
   */
  public static final class Acknowledgements implements ProducerInterceptor<byte[], byte[]> {
    static final AtomicLong sent = new AtomicLong();
    static final AtomicLong acknowledged = new AtomicLong();
    static final AtomicLong failures = new AtomicLong();
    /** The first so many sends are all acknowledged. */
    static final AtomicLong allUpto = new AtomicLong();

    static volatile String lastFailure = "";

    @Override
    public ProducerRecord<byte[], byte[]> onSend(ProducerRecord<byte[], byte[]> record) {
      sent.incrementAndGet();
      return record;
    }

    @Override
    public void onAcknowledgement(RecordMetadata metadata, Exception error) {
      if (error != null) {
        lastFailure = error.toString();
        failures.incrementAndGet();
      }
      long done = acknowledged.incrementAndGet();
      if (sent.get() == done) {
        allUpto.accumulateAndGet(done, Math::max);
      }
    }

    @Override
    public void close() {}

    @Override
    public void configure(Map<String, ?> settings) {}
  }
}
