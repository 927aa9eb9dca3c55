/** A host that is well, with the services that it reaches, anew for every test. */
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { FakeHec } from '../../fakes/hec/hec.ts';
import { FakeKinesis } from '../../fakes/kinesis/fake.ts';
import { startSimulator, type RunningSimulator } from '../../fakes/kinesis/server.ts';
import { CA, FakeSplunkd, type Port } from '../../fakes/splunkd/splunkd.ts';
import { DoctorHost } from './doctor-host.ts';

export interface DoctorScene {
  host: DoctorHost;
  /** splunkd's port, and its certificate authority in the host's place for it. */
  management: Port;
  hec: FakeHec;
  /** Of the stanza `prod`, which is well. */
  settings: string;
}

/** To be called once, outside of tests; `use` is told of every new scene. */
export function doctorScene(use: (scene: DoctorScene) => void): void {
  let kinesis: RunningSimulator;
  let splunkd: FakeSplunkd;
  let hec: FakeHec;
  let host: DoctorHost;
  beforeAll(async () => {
    kinesis = await startSimulator(new FakeKinesis());
  });
  afterAll(() => kinesis.close());
  beforeEach(async () => {
    splunkd = new FakeSplunkd();
    const management = await splunkd.open();
    hec = new FakeHec();
    host = new DoctorHost(new URL(management.url).host);
    host.write('etc/auth/cacert.pem', CA);
    const settings = `stream_name = logs\naws_region = eu-west-1\nkinesis_endpoint = ${kinesis.url}`;
    host.input('prod', settings);
    use({ host, management, hec, settings });
  });
  afterEach(async () => {
    host.dispose();
    await Promise.all([splunkd.close(), hec.close()]);
  });
}
