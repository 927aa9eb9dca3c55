/** A worker of the real KCL, 2.x and 3.x from one source: what it takes goes to stdout as JSON lines, its leases to DynamoDB. */

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.URI;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.http.Protocol;
import software.amazon.awssdk.http.nio.netty.NettyNioAsyncHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.cloudwatch.CloudWatchAsyncClient;
import software.amazon.awssdk.services.dynamodb.DynamoDbAsyncClient;
import software.amazon.awssdk.services.kinesis.KinesisAsyncClient;
import software.amazon.kinesis.common.ConfigsBuilder;
import software.amazon.kinesis.common.InitialPositionInStream;
import software.amazon.kinesis.common.InitialPositionInStreamExtended;
import software.amazon.kinesis.common.StreamConfig;
import software.amazon.kinesis.common.StreamIdentifier;
import software.amazon.kinesis.coordinator.Scheduler;
import software.amazon.kinesis.lifecycle.events.InitializationInput;
import software.amazon.kinesis.lifecycle.events.LeaseLostInput;
import software.amazon.kinesis.lifecycle.events.ProcessRecordsInput;
import software.amazon.kinesis.lifecycle.events.ShardEndedInput;
import software.amazon.kinesis.lifecycle.events.ShutdownRequestedInput;
import software.amazon.kinesis.metrics.MetricsLevel;
import software.amazon.kinesis.metrics.NullMetricsFactory;
import software.amazon.kinesis.processor.FormerStreamsLeasesDeletionStrategy;
import software.amazon.kinesis.processor.MultiStreamTracker;
import software.amazon.kinesis.processor.RecordProcessorCheckpointer;
import software.amazon.kinesis.processor.ShardRecordProcessor;
import software.amazon.kinesis.processor.SingleStreamTracker;
import software.amazon.kinesis.processor.StreamTracker;
import software.amazon.kinesis.retrieval.KinesisClientRecord;
import software.amazon.kinesis.retrieval.polling.PollingConfig;

public final class KclWorker {
    private static final long CHECKPOINT_EVERY_MS = 1000;
    private static final long STOP_SECONDS = 10;
    private static final CountDownLatch STOPPING = new CountDownLatch(1);

    private static String setting(String name) {
        String value = System.getenv(name);
        if (value == null) throw new IllegalArgumentException(name + " is not set");
        return value;
    }

    private static synchronized void say(String event, String shard, String more) {
        System.out.println("{\"event\":\"" + event + "\",\"shard\":\"" + shard + "\"" + more + "}");
    }

    /** Stops for good behind the record whose data is HOLD_AFTER: stores just that, and lets the rest lie, as an application does that is stopped half-way. */
    private static final class Processor implements ShardRecordProcessor {
        private final byte[] holdAfter = setting("HOLD_AFTER").getBytes();
        private String shard;
        private KinesisClientRecord last;
        private boolean holding;
        private long storedAt;

        @Override
        public void initialize(InitializationInput input) {
            shard = input.shardId();
            say("started", shard, "");
        }

        @Override
        public void processRecords(ProcessRecordsInput input) {
            for (KinesisClientRecord record : input.records()) {
                if (holding) return;
                take(record);
            }
            boolean due = System.currentTimeMillis() - storedAt >= CHECKPOINT_EVERY_MS;
            if (holding || (due && !input.records().isEmpty())) store(input.checkpointer());
            if (holding) await();
        }

        private void take(KinesisClientRecord record) {
            ByteBuffer view = record.data().asReadOnlyBuffer();
            byte[] data = new byte[view.remaining()];
            view.get(data);
            say("record", shard, ",\"sequence\":\"" + record.sequenceNumber() + "\",\"sub\":" + record.subSequenceNumber()
                    + ",\"aggregated\":" + record.aggregated() + ",\"data\":\"" + Base64.getEncoder().encodeToString(data) + "\"");
            last = record;
            holding = Arrays.equals(data, holdAfter);
        }

        private void store(RecordProcessorCheckpointer checkpointer) {
            try {
                if (last == null) return;
                checkpointer.checkpoint(last.sequenceNumber(), last.subSequenceNumber());
                storedAt = System.currentTimeMillis();
                say("stored", shard, ",\"sequence\":\"" + last.sequenceNumber() + "\",\"sub\":" + last.subSequenceNumber());
            } catch (Exception error) {
                say("store-failed", shard, ",\"why\":\"" + error.getClass().getSimpleName() + "\"");
            }
        }

        private void await() {
            try {
                STOPPING.await();
            } catch (InterruptedException error) {
                Thread.currentThread().interrupt();
            }
        }

        @Override
        public void leaseLost(LeaseLostInput input) {
            say("lost", shard, "");
        }

        @Override
        public void shardEnded(ShardEndedInput input) {
            try {
                input.checkpointer().checkpoint();
                say("ended", shard, "");
            } catch (Exception error) {
                say("store-failed", shard, ",\"why\":\"" + error.getClass().getSimpleName() + "\"");
            }
        }

        @Override
        public void shutdownRequested(ShutdownRequestedInput input) {
            store(input.checkpointer());
        }
    }

    private static Scheduler scheduler() {
        StaticCredentialsProvider credentials = StaticCredentialsProvider.create(AwsBasicCredentials.create("test", "test"));
        Region region = Region.US_EAST_1;
        KinesisAsyncClient kinesis = KinesisAsyncClient.builder()
                .region(region)
                .credentialsProvider(credentials)
                .endpointOverride(URI.create(setting("KINESIS_URL")))
                .httpClientBuilder(NettyNioAsyncHttpClient.builder().protocol(Protocol.HTTP1_1))
                .build();
        DynamoDbAsyncClient dynamo = DynamoDbAsyncClient.builder()
                .region(region)
                .credentialsProvider(credentials)
                .endpointOverride(URI.create(setting("DYNAMODB_URL")))
                .build();
        // The KCL insists on a client; without metrics it never calls it.
        CloudWatchAsyncClient nowhere = CloudWatchAsyncClient.builder()
                .region(region)
                .credentialsProvider(credentials)
                .endpointOverride(URI.create("http://127.0.0.1:9"))
                .build();
        var configs = new ConfigsBuilder(
                streams(setting("STREAM")), setting("TABLE"), kinesis, dynamo, nowhere, setting("WORKER"), Processor::new);
        return new Scheduler(
                configs.checkpointConfig(),
                configs.coordinatorConfig().parentShardPollIntervalMillis(1000),
                // The worker sleeps a whole sync interval after its first sync, a minute by default.
                configs.leaseManagementConfig()
                        .failoverTimeMillis(Long.parseLong(setting("FAILOVER_MS")))
                        .shardSyncIntervalMillis(1000),
                configs.lifecycleConfig(),
                configs.metricsConfig().metricsFactory(new NullMetricsFactory()).metricsLevel(MetricsLevel.NONE),
                configs.processorConfig(),
                configs.retrievalConfig()
                        .retrievalSpecificConfig(new PollingConfig(kinesis).idleTimeBetweenReadsInMillis(500)));
    }

    /** `account:stream:second of creation` is read in the mode for several streams, whose leases have other keys. */
    private static StreamTracker streams(String stream) {
        var horizon = InitialPositionInStreamExtended.newInitialPosition(InitialPositionInStream.TRIM_HORIZON);
        if (!stream.contains(":")) return new SingleStreamTracker(stream, horizon);
        var one = new StreamConfig(StreamIdentifier.multiStreamInstance(stream), horizon);
        return new MultiStreamTracker() {
            @Override
            public List<StreamConfig> streamConfigList() {
                return List.of(one);
            }

            @Override
            public FormerStreamsLeasesDeletionStrategy formerStreamsLeasesDeletionStrategy() {
                return new FormerStreamsLeasesDeletionStrategy.NoLeaseDeletionStrategy();
            }
        };
    }

    /** `stop` on stdin stops gracefully; the end of stdin, that is of whoever started this, ends it at once. */
    public static void main(String[] args) throws Exception {
        Scheduler scheduler = scheduler();
        Thread thread = new Thread(scheduler, "scheduler");
        thread.setDaemon(true);
        thread.start();
        BufferedReader orders = new BufferedReader(new InputStreamReader(System.in));
        if (!"stop".equals(orders.readLine())) Runtime.getRuntime().halt(1);
        var stopped = scheduler.startGracefulShutdown();
        STOPPING.countDown();
        try {
            stopped.get(STOP_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException late) {
            // Every shard was told by then; KCL 2 (seen with 2.7.2) waits without end for those that it has finished.
        }
        System.exit(0);
    }
}
