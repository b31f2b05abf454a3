-- A data directory as sluice 0.1.0 (schema 1) left it: a run that succeeded, one that failed, and one whose owner was killed.
-- Its journals are what recovery of a later build must be able to read.
PRAGMA application_id = 1936483173;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE artifacts (
  run INTEGER NOT NULL REFERENCES runs,
  task INTEGER NOT NULL,
  key TEXT NOT NULL,
  "index" INTEGER NOT NULL,
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  uri TEXT NOT NULL,
  digest TEXT NOT NULL,
  size_bytes INTEGER NOT NULL,
  metadata TEXT NOT NULL,
  PRIMARY KEY (run, task, key, "index")
) WITHOUT ROWID;
INSERT INTO "artifacts" VALUES(1,2,'data',0,'data','system.Dataset','@DATA@/runs/28d103b9-2768-44e9-bfd9-b41206dd1601/2-make.1.out/data','sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03',6,'{}');
CREATE TABLE experiments (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  created INTEGER NOT NULL
);
INSERT INTO "experiments" VALUES(0,'Default',1795510970000000);
INSERT INTO "experiments" VALUES(1,'golden',1795510970196063);
CREATE TABLE journal (
  run INTEGER NOT NULL REFERENCES runs,
  seq INTEGER NOT NULL,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  payload TEXT NOT NULL,
  PRIMARY KEY (run, seq)
) WITHOUT ROWID;
INSERT INTO "journal" VALUES(2,1,1795510970233062,'run_began','{}');
INSERT INTO "journal" VALUES(2,2,1795510970241361,'attempt_failed','{"attempt":1,"exit_code":3,"failure":"exit","message":"exit code 3","task":1}');
INSERT INTO "journal" VALUES(3,1,1795510970252903,'run_began','{}');
INSERT INTO "journal" VALUES(3,2,1795510970261493,'attempt_succeeded','{"attempt":1,"task":1}');
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  uuid BLOB NOT NULL UNIQUE,
  experiment INTEGER NOT NULL REFERENCES experiments,
  state TEXT NOT NULL,
  seq INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL,
  began INTEGER NOT NULL DEFAULT 0,
  ended INTEGER NOT NULL DEFAULT 0,
  name TEXT NOT NULL,
  pipeline_name TEXT NOT NULL,
  spec_digest TEXT NOT NULL REFERENCES specs,
  spec_file TEXT NOT NULL,
  error TEXT NOT NULL DEFAULT '',
  parameters TEXT NOT NULL,
  context TEXT NOT NULL,
  options TEXT NOT NULL,
  outputs TEXT NOT NULL DEFAULT ''
);
INSERT INTO "runs" VALUES(1,X'28D103B9276844E9BFD9B41206DD1601',1,'SUCCEEDED',5,1795510970196063,1795510970198600,1795510970216312,'good 2026-11-24T09:02:50Z','good','sha256:54097102ec0f7a3eb0d596cf606b8524bdc7f6ca46b2626fba0d692651234945','good.json','','{}','{"created":"2026-11-24T09:02:50Z","display_name":"good 2026-11-24T09:02:50Z","pipeline_root":"@DATA@/runs/28d103b9-2768-44e9-bfd9-b41206dd1601","resource_name":"good-28d10","run_uuid":"28d103b9-2768-44e9-bfd9-b41206dd1601","scheduled":"2026-11-24T09:02:50Z","workspace_path":"@DATA@/runs/28d103b9-2768-44e9-bfd9-b41206dd1601/workspace"}','{"cache":true}','');
INSERT INTO "runs" VALUES(2,X'BF91E0287C41451DA1ECFDFA1E651239',0,'FAILED',2,1795510970231296,1795510970233062,1795510970241361,'bad 2026-11-24T09:02:50Z','bad','sha256:a4fc15ce6e81dfc1bbdad7934d8a029acde4f5dad713e570b6105dae8406b02e','bad.json','task ''root/only'' failed: exit code 3','{}','{"created":"2026-11-24T09:02:50Z","display_name":"bad 2026-11-24T09:02:50Z","pipeline_root":"@DATA@/runs/bf91e028-7c41-451d-a1ec-fdfa1e651239","resource_name":"bad-bf91e","run_uuid":"bf91e028-7c41-451d-a1ec-fdfa1e651239","scheduled":"2026-11-24T09:02:50Z","workspace_path":"@DATA@/runs/bf91e028-7c41-451d-a1ec-fdfa1e651239/workspace"}','{"cache":true}','');
INSERT INTO "runs" VALUES(3,X'BAB01076937A45D28D385B456F91372A',0,'RUNNING',2,1795510970251046,1795510970252903,0,'was cut','cut','sha256:75cb0b0aa897d86a44f540d45272687312af95a0c150c76429c35da0a6ceb52e','cut.json','','{}','{"created":"2026-11-24T09:02:50Z","display_name":"was cut","pipeline_root":"@DATA@/runs/bab01076-937a-45d2-8d38-5b456f91372a","resource_name":"cut-bab01","run_uuid":"bab01076-937a-45d2-8d38-5b456f91372a","scheduled":"2026-11-24T09:02:50Z","workspace_path":"@DATA@/runs/bab01076-937a-45d2-8d38-5b456f91372a/workspace"}','{"cache":true}','');
CREATE TABLE specs (
  digest TEXT NOT NULL PRIMARY KEY,
  text TEXT NOT NULL
);
INSERT INTO "specs" VALUES('sha256:54097102ec0f7a3eb0d596cf606b8524bdc7f6ca46b2626fba0d692651234945','{
 "pipelineInfo": {
  "name": "good"
 },
 "schemaVersion": "2.1.0",
 "sdkVersion": "kfp-2.17.0",
 "root": {
  "dag": {
   "tasks": {
    "make": {
     "componentRef": {
      "name": "comp-make"
     },
     "taskInfo": {
      "name": "make"
     }
    },
    "loop": {
     "componentRef": {
      "name": "comp-loop"
     },
     "parameterIterator": {
      "itemInput": "item",
      "items": {
       "raw": "[1, 2, 3]"
      }
     }
    }
   }
  }
 },
 "components": {
  "comp-make": {
   "executorLabel": "exec-make",
   "outputDefinitions": {
    "artifacts": {
     "data": {
      "artifactType": {
       "schemaTitle": "system.Dataset",
       "schemaVersion": "0.0.1"
      }
     }
    },
    "parameters": {
     "n": {
      "parameterType": "NUMBER_INTEGER"
     }
    }
   }
  },
  "comp-loop": {
   "executorLabel": "exec-loop",
   "inputDefinitions": {
    "parameters": {
     "item": {
      "parameterType": "NUMBER_INTEGER"
     }
    }
   }
  }
 },
 "deploymentSpec": {
  "executors": {
   "exec-make": {
    "container": {
     "image": "alpine",
     "command": [
      "sh",
      "-ec",
      "echo hello > \"$0\"; mkdir -p \"$(dirname \"$1\")\"; printf 7 > \"$1\"",
      "{{$.outputs.artifacts[''data''].path}}",
      "{{$.outputs.parameters[''n''].output_file}}"
     ]
    }
   },
   "exec-loop": {
    "container": {
     "image": "alpine",
     "command": [
      "sh",
      "-ec",
      "true"
     ]
    }
   }
  }
 }
}');
INSERT INTO "specs" VALUES('sha256:a4fc15ce6e81dfc1bbdad7934d8a029acde4f5dad713e570b6105dae8406b02e','{
 "pipelineInfo": {
  "name": "bad"
 },
 "schemaVersion": "2.1.0",
 "sdkVersion": "kfp-2.17.0",
 "root": {
  "dag": {
   "tasks": {
    "only": {
     "componentRef": {
      "name": "comp-only"
     },
     "taskInfo": {
      "name": "only"
     }
    }
   }
  }
 },
 "components": {
  "comp-only": {
   "executorLabel": "exec-only"
  }
 },
 "deploymentSpec": {
  "executors": {
   "exec-only": {
    "container": {
     "image": "alpine",
     "command": [
      "sh",
      "-ec",
      "test -e \"$0\" && exit 0; exit 3",
      "@MARK@"
     ]
    }
   }
  }
 }
}');
INSERT INTO "specs" VALUES('sha256:75cb0b0aa897d86a44f540d45272687312af95a0c150c76429c35da0a6ceb52e','{
 "pipelineInfo": {
  "name": "cut"
 },
 "schemaVersion": "2.1.0",
 "sdkVersion": "kfp-2.17.0",
 "root": {
  "dag": {
   "tasks": {
    "first": {
     "componentRef": {
      "name": "comp-a"
     }
    },
    "second": {
     "componentRef": {
      "name": "comp-b"
     },
     "dependentTasks": [
      "first"
     ]
    }
   }
  }
 },
 "components": {
  "comp-a": {
   "executorLabel": "exec-a"
  },
  "comp-b": {
   "executorLabel": "exec-b"
  }
 },
 "deploymentSpec": {
  "executors": {
   "exec-a": {
    "container": {
     "image": "alpine",
     "command": [
      "sh",
      "-ec",
      "true"
     ]
    }
   },
   "exec-b": {
    "container": {
     "image": "alpine",
     "command": [
      "sh",
      "-ec",
      "test -e \"$0\" || sleep 100",
      "@MARK@"
     ]
    }
   }
  }
 }
}');
CREATE TABLE tasks (
  run INTEGER NOT NULL REFERENCES runs,
  id INTEGER NOT NULL,
  path TEXT NOT NULL,
  state TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  exit_code INTEGER NOT NULL,
  began INTEGER NOT NULL,
  ended INTEGER NOT NULL,
  error TEXT NOT NULL,
  outputs TEXT NOT NULL,
  notes TEXT NOT NULL,
  PRIMARY KEY (run, id)
) WITHOUT ROWID;
INSERT INTO "tasks" VALUES(1,1,'root/loop','SUCCEEDED',0,0,1795510970198600,1795510970211288,'','','');
INSERT INTO "tasks" VALUES(1,2,'root/make','SUCCEEDED',1,0,1795510970211288,1795510970216312,'','{"artifacts":{"data":[{"digest":"sha256:5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03","name":"data","size_bytes":6,"type":"system.Dataset","type_version":"0.0.1","uri":"@DATA@/runs/28d103b9-2768-44e9-bfd9-b41206dd1601/2-make.1.out/data"}]},"parameters":{"n":7}}','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(1,3,'root/loop[0]','SUCCEEDED',1,0,1795510970210988,1795510970210988,'','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(1,4,'root/loop[1]','SUCCEEDED',1,0,1795510970210988,1795510970211288,'','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(1,5,'root/loop[2]','SUCCEEDED',1,0,1795510970210988,1795510970211288,'','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(2,1,'root/only','FAILED',1,3,1795510970239901,1795510970241361,'exit code 3','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(3,1,'root/first','SUCCEEDED',1,0,1795510970259433,1795510970261493,'','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
INSERT INTO "tasks" VALUES(3,2,'root/second','RUNNING',1,0,1795510970264657,0,'','','["image ''alpine'' runs on this machine''s own programs, without a container"]');
CREATE INDEX runs_by_state ON runs (state);
CREATE INDEX runs_by_experiment ON runs (experiment);
CREATE INDEX runs_by_pipeline_name ON runs (pipeline_name);
COMMIT;
