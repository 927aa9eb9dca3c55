/** DynamoDB Local as the suites need it: on loopback and a free port, which it prints, and ended by the end of stdin, that is of whoever started it. */

import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

public final class DynamoLocal {
    public static void main(String[] args) throws Exception {
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
        Runtime.getRuntime().halt(0);
    }
}
