/** The user's fields over the operator's: merged as Kubernetes merges them, and refused where the operator needs its own. */
import { describe, expect, it } from 'vitest';
import { configProblems } from '../../../../operator/desired/check.ts';
import { overlaid } from '../../../../operator/desired/overlay.ts';
import { logStream } from './scene.ts';

describe('fields laid over a pod', () => {
  it('are merged group by group, and null removes', () => {
    const base = { securityContext: { runAsNonRoot: true, fsGroup: 1 }, nodeSelector: { a: '1' }, kept: 1 };
    const over = {
      securityContext: { fsGroup: null, runAsUser: 2 },
      nodeSelector: { b: '2' },
      priorityClassName: 'high',
    };
    expect(overlaid(base, over)).toEqual({
      securityContext: { runAsNonRoot: true, runAsUser: 2 },
      nodeSelector: { a: '1', b: '2' },
      kept: 1,
      priorityClassName: 'high',
    });
    expect(base.securityContext).toEqual({ runAsNonRoot: true, fsGroup: 1 });
  });

  it('are merged into the container of the same name, and new containers follow', () => {
    const base = {
      containers: [{ name: 'reader', image: 'i', env: [{ name: 'A', valueFrom: {} }], securityContext: { x: 1 } }],
    };
    const over = {
      containers: [
        { name: 'side', image: 's' },
        {
          name: 'reader',
          env: [
            { name: 'B', value: '2' },
            { name: 'A', value: '1' },
          ],
          securityContext: { y: 2 },
        },
      ],
    };
    expect(overlaid(base, over)).toEqual({
      containers: [
        {
          ...{ name: 'reader', image: 'i', securityContext: { x: 1, y: 2 } },
          env: [
            { name: 'A', value: '1' },
            { name: 'B', value: '2' },
          ],
        },
        { name: 'side', image: 's' },
      ],
    });
  });

  it('replace a volume and a mount of ours as a whole, for one volume has one source', () => {
    const base = {
      volumes: [{ name: 'tmp', emptyDir: {} }],
      containers: [{ name: 'reader', volumeMounts: [{ name: 'tmp', mountPath: '/tmp' }] }],
    };
    const over = {
      volumes: [{ name: 'tmp', ephemeral: {} }],
      containers: [{ name: 'reader', volumeMounts: [{ name: 'tmp', mountPath: '/tmp', subPath: 's' }] }],
    };
    expect(overlaid(base, over)).toEqual(over);
  });

  it('add tolerations, and take the place of ours for the same taint', () => {
    const ours = (key: string) => ({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 });
    const longer = { key: 'b', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 };
    const dedicated = ['x', 'y'].map((value) => ({ key: 'dedicated', value, effect: 'NoSchedule' }));
    expect(overlaid({ tolerations: [ours('a'), ours('b')] }, { tolerations: [longer, ...dedicated] })).toEqual({
      tolerations: [ours('a'), longer, ...dedicated],
    });
  });

  it('replace lists that have no key, and keep fields that nobody knows', () => {
    const over = {
      dnsConfig: { nameservers: ['1.1.1.1'] },
      newer: { containers: { not: 'a list' }, list: [{ a: 1 }] },
    };
    expect(overlaid({ dnsConfig: { nameservers: ['9.9.9.9'] } }, over)).toEqual(over);
  });

  it('are told apart by all that tells them apart', () => {
    const ports = [
      { containerPort: 53, protocol: 'UDP' },
      { containerPort: 53, protocol: 'TCP' },
    ];
    expect(overlaid({ containers: [{ name: 'c' }] }, { containers: [{ name: 'c', ports }] })).toEqual({
      containers: [{ name: 'c', ports }],
    });
  });
});

describe('fields that can not be laid over the pod', () => {
  const problems = (spec: Record<string, unknown>, metadata = {}) =>
    configProblems(logStream({ podTemplate: { spec, metadata } })).map(({ reason, message }) => {
      expect(reason).toBe('InvalidPodTemplate');
      return message;
    });
  const reader = (fields: Record<string, unknown>) => problems({ containers: [{ name: 'reader', ...fields }] });

  it('are named, all at once, with what to do', () => {
    const spec = {
      serviceAccountName: 'other',
      restartPolicy: 'Never',
      volumes: [{ name: 'cache', emptyDir: {} }, { name: 'config' }],
      initContainers: [{ name: 'reader' }],
      containers: [
        { name: 'side', ports: [{ containerPort: 9464 }] },
        {
          ...{ name: 'reader', command: ['sh'], args: [], image: 'x', resources: {} },
          env: [
            { name: 'HTTPS_PROXY', value: 'http://p:1' },
            { name: 'KINLOG_NAME', value: 'x' },
          ],
          volumeMounts: [{ name: 'cache', mountPath: '/etc/kinlog/more' }],
        },
      ],
    };
    const metadata = { labels: { team: 'a', 'app.kubernetes.io/instance': 'b' }, annotations: { 'kinlog.io/x': 'y' } };
    expect(problems(spec, metadata)).toEqual([
      'spec.podTemplate.metadata.labels["app.kubernetes.io/instance"] belongs to the operator; leave it out.',
      'spec.podTemplate.metadata.annotations["kinlog.io/x"] belongs to the operator; leave it out.',
      'spec.podTemplate.spec.serviceAccountName is not taken from here; say it in spec.serviceAccount.name.',
      'spec.podTemplate.spec.restartPolicy is what the operator needs it to be; leave it out.',
      'spec.podTemplate.spec.volumes[1] "config" belongs to the operator; choose another one.',
      'spec.podTemplate.spec.initContainers[0] "reader" belongs to the operator; choose another one.',
      'spec.podTemplate.spec.containers[0].ports[0] 9464 belongs to the operator; choose another one.',
      'spec.podTemplate.spec.containers[1].image is not taken from here; say it in spec.image.',
      'spec.podTemplate.spec.containers[1].resources is not taken from here; say it in spec.resources.',
      'spec.podTemplate.spec.containers[1].command is what the operator needs it to be; leave it out.',
      'spec.podTemplate.spec.containers[1].args is what the operator needs it to be; leave it out.',
      'spec.podTemplate.spec.containers[1].env[1] "KINLOG_NAME" belongs to the operator; choose another one.',
      'spec.podTemplate.spec.containers[1].volumeMounts[0] "/etc/kinlog/more" belongs to the operator; choose another one.',
    ]);
  });

  it('are the labels of a Job, by which the pod of a reader would be none', () => {
    expect(problems({}, { labels: { 'batch.kubernetes.io/job-name': 'x', 'batch.example.com/x': 'y' } })).toEqual([
      'spec.podTemplate.metadata.labels["batch.kubernetes.io/job-name"] belongs to the operator; leave it out.',
    ]);
  });

  it.each(['/', '/etc', '/etc/kinlog', '//var/lib/kinlog/positions/', '/var/run/kinlog/secrets/x'])(
    'a mount at %s would hide files of the reader',
    (mountPath) => expect(reader({ volumeMounts: [{ name: 'v', mountPath }] })).toHaveLength(1),
  );

  it.each(['/tmp', '/etc/ssl/certs', '/etc/kinlogs', '/var/lib/other'])('a mount at %s does not', (mountPath) =>
    expect(reader({ volumeMounts: [{ name: 'v', mountPath }] })).toEqual([]),
  );

  it('a list as long as an object can hold takes no longer than its items', () => {
    const env = Array.from({ length: 100_000 }, (_, n) => ({ name: `n${n}` }));
    expect(reader({ env })).toEqual([]);
    expect(reader({ env: [...env, { name: 'n7' }] })).toHaveLength(1);
  });

  it.each([
    [{ containers: {} }, 'containers must be a list'],
    [{ containers: null }, 'containers must be a list'],
    [{ containers: ['reader'] }, 'containers[0] must be a group of fields'],
    [{ containers: [{ image: 'x' }] }, 'containers[0] has no name, which tells it apart'],
    [{ containers: [{ name: 'a' }, { name: 'a' }] }, 'containers[1] is there twice: name ["a"]'],
    [{ containers: [{ name: 'a', env: [{ name: 'A' }, { name: 'A' }] }] }, 'containers[0].env[1] is there twice'],
    [{ volumes: [{ $patch: 'delete', name: 'v' }] }, 'volumes[0].$patch is a directive'],
    [{ affinity: { $retainKeys: [] } }, 'affinity.$retainKeys is a directive'],
    [{ tolerations: ['all'] }, 'tolerations[0] must be a group of fields'],
  ])('%j can not be merged', (spec, message) => {
    const found = problems(spec);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(`spec.podTemplate.spec.${message}`);
  });

  it('nothing lies too deep to be looked at', () => {
    const deep = JSON.parse(`${'{"a":['.repeat(4000)}${']}'.repeat(4000)}`) as Record<string, unknown>;
    expect(problems({ deep })[0]).toMatch(/lies too deep/);
  });

  it('names of other things and tolerations of everything are no fault', () => {
    const fields = { ports: [{ containerPort: 8080, name: 'side' }], env: [{ name: 'NODE_OPTIONS', value: 'x' }] };
    expect(reader(fields)).toEqual([]);
    expect(problems({ tolerations: [{ operator: 'Exists' }, { operator: 'Exists' }], hostNetwork: false })).toEqual([]);
  });
});
