import java.io.File;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.util.HexFormat;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Protocol;
import org.apache.avro.generic.GenericData;
import org.apache.avro.ipc.generic.GenericRequestor;
import org.apache.avro.ipc.netty.NettyTransceiver;

/**
 * Calls a node with Avro's own Java client and prints what it saw, one `name=value` a line.
 * Arguments: port, the .avpr file, calls on one connection.
 */
public class RpcClientCheck {
  private static final int THREADS = 256;

  private final Protocol protocol;
  private final GenericRequestor requestor;

  private RpcClientCheck(Protocol protocol, NettyTransceiver transceiver) throws Exception {
    this.protocol = protocol;
    this.requestor = new GenericRequestor(protocol, transceiver);
  }

  private Object call(String message, String... fields) throws Exception {
    GenericData.Record request =
        new GenericData.Record(protocol.getMessages().get(message).getRequest());
    for (int i = 0; i < fields.length; i += 2) request.put(fields[i], fields[i + 1]);
    return requestor.request(message, request);
  }

  private Object get(String key) throws Exception {
    return call("getValue", "key", key);
  }

  private Object set(String key, String value) throws Exception {
    return call("setValue", "key", key, "value", value);
  }

  private static void say(String name, Object value) {
    System.out.println(name + "=" + value);
  }

  public static void main(String[] arguments) throws Exception {
    InetSocketAddress address =
        new InetSocketAddress("127.0.0.1", Integer.parseInt(arguments[0]));
    String text = Files.readString(new File(arguments[1]).toPath());
    int calls = Integer.parseInt(arguments[2]);
    Protocol own = Protocol.parse(text);
    say("hash", HexFormat.of().formatHex(own.getMD5()));

    try (NettyTransceiver transceiver = new NettyTransceiver(address)) {
      RpcClientCheck check = new RpcClientCheck(own, transceiver);
      say("set", check.set("java", "value"));
      say("get", check.get("java"));
      say("miss", check.get("no such key"));
      check.set("emoji", "caf\u00e9 \u20ac\ud83d\ude00");
      say("emoji", "caf\u00e9 \u20ac\ud83d\ude00".equals(String.valueOf(check.get("emoji"))));
      check.set("empty", "");
      say("empty", "[" + check.get("empty") + "]");
      say("delete", check.call("delete", "key", "java"));
      say("deleted", check.get("java"));
      String large = "0123456789abcdef".repeat(60_000);
      check.set("large", large);
      say("large", large.equals(String.valueOf(check.get("large"))));
      try {
        check.get("");
        say("error", "none");
      } catch (Exception error) {
        say("error", error.getMessage());
      }
      long wrong = 0;
      for (int i = 0; i < calls; i++) {
        if (!"[]".equals("[" + check.get("empty") + "]")) wrong++;
      }
      say("sequential", calls - wrong);

      ExecutorService threads = Executors.newFixedThreadPool(THREADS);
      List<Future<Integer>> done = new ArrayList<>();
      for (int thread = 0; thread < THREADS; thread++) {
        String key = "thread-" + thread;
        done.add(
            threads.submit(
                () -> {
                  int right = 0;
                  for (int i = 0; i < 20; i++) {
                    check.set(key, key + i);
                    if ((key + i).equals(String.valueOf(check.get(key)))) right++;
                  }
                  return right;
                }));
      }
      int right = 0;
      for (Future<Integer> each : done) right += each.get();
      say("threads", right);
      threads.shutdown();
    }

    // Another client: other documentation, other string class, one message of the three.
    Protocol other =
        Protocol.parse(
            "{\"protocol\":\"Reader\",\"namespace\":\"org.example\",\"messages\":{\"getValue\":"
                + "{\"doc\":\"mine\",\"request\":[{\"name\":\"key\",\"type\":\"string\"}],"
                + "\"response\":[\"null\",\"string\"]}}}");
    try (NettyTransceiver transceiver = new NettyTransceiver(address)) {
      RpcClientCheck check = new RpcClientCheck(other, transceiver);
      say("other", "[" + check.get("empty") + "]");
      say("otherMiss", check.get("no such key"));
    }
    // The client's threads are no daemons in every version.
    System.exit(0);
  }
}
