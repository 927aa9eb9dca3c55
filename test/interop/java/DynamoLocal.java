/** DynamoDB Local as the suites need it: on loopback and a free port, which it prints, ended by the end of stdin, that is of whoever started it, and gone without a trace. */

import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

public final class DynamoLocal {
    public static void main(String[] args) throws Exception {
        // It unpacks a library for SQLite and leaves it there.
        Path scratch = Files.createTempDirectory("dynamodb-local-");
        System.setProperty("java.io.tmpdir", scratch.toString());
        Runtime.getRuntime().addShutdownHook(new Thread(() -> remove(scratch)));
        // Without -sharedDb every key and region sees tables of its own; telemetry would leave the machine.
        DynamoDBProxyServer local = ServerRunner.createServerFromCommandLineArgs(
                new String[] {"-inMemory", "-sharedDb", "-disableTelemetry", "-port", "8000"});
        // It has no option for the address, and would listen on all of them.
        var field = DynamoDBProxyServer.class.getDeclaredField("server");
        field.setAccessible(true);
        var connector = (ServerConnector) ((Server) field.get(local)).getConnectors()[0];
        connector.setHost("127.0.0.1");
        connector.setPort(0);
        local.start();
        System.out.println("listening on " + connector.getLocalPort());
        while (System.in.read() != -1) {}
        System.exit(0);
    }

    private static void remove(Path folder) {
        try (var files = Files.newDirectoryStream(folder)) {
            for (Path file : files) Files.delete(file);
            Files.delete(folder);
        } catch (IOException error) {
            System.err.println(error);
        }
    }
}
