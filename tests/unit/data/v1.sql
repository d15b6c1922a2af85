PRAGMA page_size = 16384;
PRAGMA application_id = 1886157423;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE closed(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, over_ms INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "closed" VALUES('helpdesk','INC-4','acme',9,X'010868656C706465736B05494E432D3404090C03105375626A656374206F6620494E432D3400EEBA93E1BE66000001070461636D6502503103416E6108726573706F6E736503353025066272656163680A7265736F6C7574696F6E36BBDDC9B09F33000020B5218F0593BDE7913B56851021B0080025048829AB165C009F316717A7030601070009B8AA4B64EF56A191FFC718020704016B086CD3010002050300060300000701B9533CBD',-6058883558628996871,1760770028267);
CREATE TABLE journal(seq INTEGER PRIMARY KEY, n INTEGER NOT NULL, records BLOB NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "journal" VALUES(10,2,X'5801000003D2E493E1BE660180A0E9AC090A494E432D352D6F70656E05494E432D350868656C706465736B0868656C706465736B8388010461636D6502503208457661205275697A105375626A656374206F6620494E432D354301010003D2E493E1BE6601AB97E5AA0216494E432D322D6368616E6765642D336666366639323505494E432D320868656C706465736B0868656C706465736B02025033',2869830030092196579);
CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO "meta" VALUES('clean',1);
INSERT INTO "meta" VALUES('id','fcc4613203c9a4f97a5e1761335fa924');
INSERT INTO "meta" VALUES('key',X'182F483BC4862EF631CD186CF1B3E1BA');
INSERT INTO "meta" VALUES('latest',1760770029857);
INSERT INTO "meta" VALUES('seq',9);
CREATE TABLE outbox(no INTEGER PRIMARY KEY, id TEXT NOT NULL, receiver TEXT NOT NULL, type TEXT NOT NULL, ns TEXT NOT NULL, ticket TEXT NOT NULL, body TEXT NOT NULL, created_ms INTEGER, at_ms INTEGER, due_ms INTEGER, state INTEGER NOT NULL, attempts INTEGER NOT NULL, next_ms INTEGER, status INTEGER NOT NULL, detail TEXT NOT NULL, settled_ms INTEGER) STRICT;
INSERT INTO "outbox" VALUES(1,'c35e5e4465736350a45e6fd7d0c165cd','hook','sla.warning','helpdesk','INC-1','{"id":"c35e5e4465736350a45e6fd7d0c165cd","type":"sla.warning","at":"2025-10-18T06:47:07.695Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"helpdesk"}',1760770027696,1760770027695,1760770028195,1,1,NULL,200,'200',1760770027699);
INSERT INTO "outbox" VALUES(2,'755fb79d9b1e38f8d87e23abdd58c15e','hook','sla.warning','helpdesk','INC-4','{"id":"755fb79d9b1e38f8d87e23abdd58c15e","type":"sla.warning","at":"2025-10-18T06:47:07.695Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"50%","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":0.5,"remaining_s":0.5,"priority":"P1","receivers":["hook"],"reason":"50%: of the target is used, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"helpdesk"}',1760770027696,1760770027695,1760770028195,1,1,NULL,200,'200',1760770027701);
INSERT INTO "outbox" VALUES(3,'069ee426584eb79eafd5db42121ee197','hook','sla.breach','helpdesk','INC-1','{"id":"069ee426584eb79eafd5db42121ee197","type":"sla.breach","at":"2025-10-18T06:47:08.195Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"helpdesk"}',1760770028196,1760770028195,1760770028195,1,1,NULL,200,'200',1760770028199);
INSERT INTO "outbox" VALUES(4,'069ee426584eb79eafd5db42121ee197','gone','sla.breach','helpdesk','INC-1','{"id":"069ee426584eb79eafd5db42121ee197","type":"sla.breach","at":"2025-10-18T06:47:08.195Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"helpdesk"}',1760770028196,1760770028195,1760770028195,3,1,NULL,410,'410',1760770028199);
INSERT INTO "outbox" VALUES(5,'2551c81a81005b509d12c49a7f44137f','hook','sla.breach','helpdesk','INC-4','{"id":"2551c81a81005b509d12c49a7f44137f","type":"sla.breach","at":"2025-10-18T06:47:08.195Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"helpdesk"}',1760770028196,1760770028195,1760770028195,1,1,NULL,200,'200',1760770028200);
INSERT INTO "outbox" VALUES(6,'2551c81a81005b509d12c49a7f44137f','gone','sla.breach','helpdesk','INC-4','{"id":"2551c81a81005b509d12c49a7f44137f","type":"sla.breach","at":"2025-10-18T06:47:08.195Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"breach","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1,"remaining_s":0,"priority":"P1","receivers":["hook","gone"],"reason":"breach: not stopped by its due time, target 1s","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"helpdesk"}',1760770028196,1760770028195,1760770028195,3,1,NULL,410,'410',1760770028200);
INSERT INTO "outbox" VALUES(7,'55e946d1dc2e4e2fcc400101997db186','console','daemon.endpoint','','gone','{"id":"55e946d1dc2e4e2fcc400101997db186","type":"daemon.endpoint","at":"2025-10-18T06:47:08.199Z","ticket":"gone","contract":null,"metric":null,"cycle":1760770028,"step":"410","occurrence":1,"due":null,"target":null,"elapsed_s":0,"remaining_s":0,"priority":null,"receivers":["console"],"reason":"Receiver gone answered 410 and is disabled until the next reload.","late_s":0,"namespace":null}',1760770028199,1760770028199,NULL,1,1,NULL,0,'logged',1760770028201);
INSERT INTO "outbox" VALUES(8,'f80c5b3d2875cb8f9f40ccd6d8dc3c59','hook','sla.cleared','helpdesk','INC-1','{"id":"f80c5b3d2875cb8f9f40ccd6d8dc3c59","type":"sla.cleared","at":"2025-10-18T06:47:08.208Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1.013,"remaining_s":-0.013,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"helpdesk"}',1760770028216,1760770028208,1760770028195,1,1,NULL,200,'200',1760770028220);
INSERT INTO "outbox" VALUES(9,'f80c5b3d2875cb8f9f40ccd6d8dc3c59','gone','sla.cleared','helpdesk','INC-1','{"id":"f80c5b3d2875cb8f9f40ccd6d8dc3c59","type":"sla.cleared","at":"2025-10-18T06:47:08.208Z","ticket":"INC-1","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1.013,"remaining_s":-0.013,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0.001,"agreement":"sla","customer":"ACME, S.A.","subject":"Core switch is down","url":"https://desk.example.com/1","namespace":"helpdesk"}',1760770028216,1760770028208,1760770028195,2,0,0,0,'nobody was told before',1760770028220);
INSERT INTO "outbox" VALUES(10,'cebc3361ed9e81c1eb558db9e266f007','hook','sla.cleared','helpdesk','INC-4','{"id":"cebc3361ed9e81c1eb558db9e266f007","type":"sla.cleared","at":"2025-10-18T06:47:08.267Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1.072,"remaining_s":-0.072,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"helpdesk"}',1760770028272,1760770028267,1760770028195,1,1,NULL,200,'200',1760770028277);
INSERT INTO "outbox" VALUES(11,'cebc3361ed9e81c1eb558db9e266f007','gone','sla.cleared','helpdesk','INC-4','{"id":"cebc3361ed9e81c1eb558db9e266f007","type":"sla.cleared","at":"2025-10-18T06:47:08.267Z","ticket":"INC-4","contract":"acme","metric":"response","cycle":1,"step":"cleared","occurrence":1,"due":"2025-10-18T06:47:08.195Z","target":"1s","elapsed_s":1.072,"remaining_s":-0.072,"priority":"P1","receivers":["hook","gone"],"reason":"stopped after its due time","late_s":0,"agreement":"sla","customer":"ACME, S.A.","subject":"Subject of INC-4","namespace":"helpdesk"}',1760770028272,1760770028267,1760770028195,2,0,0,0,'nobody was told before',1760770028277);
CREATE TABLE revisions(no INTEGER PRIMARY KEY, from_ms INTEGER NOT NULL, digest INTEGER NOT NULL, seq INTEGER NOT NULL, text TEXT NOT NULL, sum INTEGER NOT NULL) STRICT;
INSERT INTO "revisions" VALUES(1,1760770027191,-3424353360959160907,0,'calendars:
  always: 24x7
defaults:
  calendar: always
  escalation: standard
  notify: [console]
  pause: {status: [pending]}
  boundary: close
  on_change: retroactive
  reopen: {after: resume, within: 14d, later: new-cycle}
policies:
  quick:
    metrics:
      response:
        target: {P1: 1s, default: 1h}
        start: {type: opened}
        stop:
          - {type: replied, actor: agent, public: true, automated: false}
          - {type: [resolved, closed], actor: [agent, system]}
        cancel: {type: [resolved, closed], actor: customer}
        pause: []
      resolution:
        target: 4000h
        start: {type: opened}
        stop: {type: [resolved, closed]}
        cancel: []
        pause: {status: [pending]}
    escalation: standard
contracts:
  acme: {customer: "ACME, S.A.", policy: quick, match: {organization: [ACME S.A.]}}
  other: {customer: Other, policy: quick}
escalations:
  standard: [{at: 50%, notify: [hook]}, {at: breach, notify: [hook, gone]}]
receivers:
  console: {log: {}}
  hook: {log: {}}
  gone: {log: {}}
',-3872146183762842555);
CREATE TABLE tickets(ns TEXT, ticket TEXT, contract TEXT NOT NULL, seq INTEGER NOT NULL, row BLOB NOT NULL, sum INTEGER NOT NULL, PRIMARY KEY(ns, ticket)) STRICT, WITHOUT ROWID;
INSERT INTO "tickets" VALUES('helpdesk','INC-1','acme',7,X'010868656C706465736B05494E432D310107040313436F72652073776974636820697320646F776E1A68747470733A2F2F6465736B2E6578616D706C652E636F6D2F31EEBA93E1BE66F6DACDB3F4660101090461636D6502503108457661205275697A03416E6104726F6F7408726573706F6E7365136167726565642062792074656C6570686F6E6503353025066272656163683BBBDDC9B09F33000030414820F12B1BBC9D967F7110213AF607012204AF11729207A90BEEAEA9C60430000A0C058B2C564B58FB870F4B17050607001101070601BB87913A010002080300090300',4887049301081823576);
INSERT INTO "tickets" VALUES('helpdesk','INC-2','acme',2,X'010868656C706465736B05494E432D3202020401105375626A656374206F6620494E432D3200EEBA93E1BE66F697EFE2BE660201020461636D6502503216BBDDC9B09F33000020B16289DE19F75215385D4A102100',1264437359877760224);
INSERT INTO "tickets" VALUES('helpdesk','INC-3','acme',5,X'010868656C706465736B05494E432D3303050402105375626A656374206F6620494E432D3300EEBA93E1BE66F697EFE2BE662101030461636D650250320770656E64696E6727BBDDC9B09F33000020DD1F6CABDFDD5CC4272FD41021F3070001106351A2C9C94C63519503123300',5114225281420976740);
CREATE TABLE verdicts(ns TEXT, ticket TEXT, metric TEXT, cycle INTEGER, contract TEXT NOT NULL, agreement TEXT NOT NULL, priority TEXT NOT NULL, state TEXT NOT NULL, breached INTEGER NOT NULL, waived INTEGER NOT NULL, started_ms INTEGER, stopped_ms INTEGER, due_ms INTEGER, elapsed_ms INTEGER NOT NULL, paused_ms INTEGER NOT NULL, target TEXT NOT NULL, PRIMARY KEY(ns, ticket, metric, cycle)) STRICT, WITHOUT ROWID;
INSERT INTO "verdicts" VALUES('helpdesk','INC-1','response',1,'acme','sla','P1','breached',1,1,1760770027195,1760770028208,1760770028195,1013,0,'1s');
INSERT INTO "verdicts" VALUES('helpdesk','INC-4','resolution',1,'acme','sla','P1','met',0,0,1760770027195,1760770028267,1775170027195,1072,0,'4000h');
INSERT INTO "verdicts" VALUES('helpdesk','INC-4','response',1,'acme','sla','P1','breached',1,0,1760770027195,1760770028267,1760770028195,1072,0,'1s');
CREATE INDEX closed_over ON closed(over_ms, ns, ticket);
CREATE UNIQUE INDEX outbox_key ON outbox(id, receiver);
CREATE INDEX outbox_ticket ON outbox(ns, ticket);
CREATE INDEX outbox_pending ON outbox(no) WHERE state = 0;
CREATE INDEX outbox_dead ON outbox(no) WHERE state = 3;
COMMIT;
PRAGMA journal_mode = WAL;
