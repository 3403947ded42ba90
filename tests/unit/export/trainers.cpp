#include <catch2/catch.hpp>

#include "support/golden.hpp"
#include "unit/export/exported.hpp"

using namespace hsap;
using namespace hsap::test;

TEST_CASE("trainer options of one plan are what they always were") {
  for (int i = 0; i < targets; ++i) {
    const auto target = static_cast<Target>(i);
    const std::string name = HSAP_GOLDEN "/" + std::string(to_string(target)) + ".txt";
    test::check_golden(name, export_plan(test::sample_plan(), target).text);
  }
}

TEST_CASE("names of a hostile plan stay in their comments") {
  Plan plan = test::sample_plan();
  plan.problem.model.name = "x\nimport os; os.system('id')\n#\x1b[31m";
  plan.cluster.name = "y\r--evil\x07";
  for (int i = 0; i < targets; ++i) {
    const std::string text = export_plan(plan, static_cast<Target>(i)).text;
    CHECK(text.rfind("# plan: x?import os; os.system('id')?#?[31m, 4K tokens, 2 x y?--evil?\n",
                     0) == 0);
  }
}

TEST_CASE("targets have the names of the contract") {
  for (int i = 0; i < targets; ++i) {
    const auto target = static_cast<Target>(i);
    CHECK(*parse_target(std::string(to_string(target))) == target);
  }
  CHECK(parse_target("nemo").error().text() ==
        "unknown target; found 'nemo', expected 'megatron', 'transformer-engine', 'yunchang', "
        "'deepspeed' or 'torchtitan'");
}

TEST_CASE("what TransformerEngine does is exported without loss") {
  const Strategy both{2, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  const Exported megatron = export_plan(engine_plan_of(both), Target::megatron);
  CHECK(megatron.notes.empty());
  CHECK(says(megatron, "\n--context-parallel-size 8\n"));
  CHECK(says(megatron, "\n--cp-comm-type a2a+p2p\n"));
  CHECK(says(megatron, "\n--hierarchical-context-parallel-sizes 2 4\n"));
  const Exported ulysses = export_plan(engine_plan_of({8, 1}), Target::transformer_engine);
  CHECK(ulysses.notes.empty());
  CHECK(says(ulysses, "(cp_group, cp_global_ranks, cp_stream, \"a2a\")"));
  const Strategy gather{1, 8, Order::ulysses_inner, Layout::per_document_zigzag,
                        Exchange::all_gather};
  const Exported gathered = export_plan(engine_plan_of(gather), Target::megatron);
  CHECK(gathered.notes.empty());
  CHECK(says(gathered, "\n--cp-comm-type all_gather\n"));
}

TEST_CASE("a sliding window or a full mask is expressed where options say it") {
  Plan plan = plan_of({8, 1});
  plan.problem.mask = *parse_mask("sliding:512");
  const Exported megatron = export_plan(plan, Target::megatron);
  CHECK(megatron.notes.empty());
  CHECK(says(megatron, "\n--cp-comm-type a2a\n--window-size 511,0\n"));
  const Exported engine = export_plan(plan, Target::transformer_engine);
  CHECK(engine.notes.empty());
  CHECK(says(engine,
             "\nmask_arguments = {\"attn_mask_type\": \"causal\", \"window_size\": (511,0)}\n"));
  plan.problem.mask = *parse_mask("full");
  CHECK(loses(export_plan(plan, Target::megatron), "mask full: "));
  const Exported full = export_plan(plan, Target::transformer_engine);
  CHECK(full.notes.empty());
  CHECK(says(full, "\nmask_arguments = {\"attn_mask_type\": \"no_mask\"}\n"));
  plan.problem.batches = {Batch{{1024, 3072}}};
  CHECK(says(export_plan(plan, Target::transformer_engine),
             "\"attn_mask_type\": \"padding\", \"qkv_format\": \"thd\"}"));
}

TEST_CASE("a sliding window changes a ring to what the note says") {
  Plan plan = engine_plan_of({1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  plan.problem.mask = *parse_mask("sliding:512");
  const Exported ring = export_plan(plan, Target::megatron);
  CHECK(ring.notes.size() == 1);
  CHECK(loses(ring, "exchange ring: "));
  CHECK(says(ring, "\n--cp-comm-type all_gather\n--window-size 511,0\n"));
  plan.strategy = {2, 4, Order::context_inner, Layout::zigzag, Exchange::all_gather};
  plan.strategy.gradient_dtype = Dtype::bf16;
  const Exported both = export_plan(plan, Target::transformer_engine);
  CHECK(both.notes.size() == 1);
  CHECK(loses(both, "ulysses 2: "));
  CHECK(says(both, "(cp_group, cp_global_ranks, cp_stream, \"all_gather\")"));
  // 16 ranks cannot split 8 key/value heads, and a ring beside them would lose the window.
  plan.strategy = {16, 1};
  plan.strategy.layout = Layout::zigzag;
  plan.cluster.gpus = 16;
  const Exported uneven = export_plan(plan, Target::megatron);
  CHECK(uneven.notes.size() == 1);
  CHECK(loses(uneven, "ulysses 16: "));
  CHECK(says(uneven, "\n--context-parallel-size 16\n--cp-comm-type all_gather\n"));
}

TEST_CASE("notes about the strategy are told from those about the problem") {
  // Padding and the mask are lost, but ranks do what the strategy says.
  Plan plan =
      engine_plan_of({1, 8, Order::ulysses_inner, Layout::per_document_zigzag, Exchange::ring});
  plan.problem.batches = {Batch{{1000, 3096}}};
  plan.problem.mask = *parse_mask("prefix:512");
  const Exported padded = export_plan(plan, Target::megatron);
  CHECK(padded.notes.size() == 2);
  CHECK(padded.strategy_note.empty());
  plan.strategy = {2, 4, Order::context_inner, Layout::balanced, Exchange::p2p};
  for (int i = 0; i < targets; ++i) {
    const Exported changed = export_plan(plan, static_cast<Target>(i));
    INFO(to_string(static_cast<Target>(i)));
    CHECK_FALSE(changed.strategy_note.empty());
    CHECK(says(changed, "# not expressed: " + changed.strategy_note + "\n"));
  }
}

TEST_CASE("torchtitan gathers keys and values, and says nothing of other exchanges") {
  Plan plan = plan_of({1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::all_gather});
  plan.training.zero = 3;
  plan.training.weight_gradients = Dtype::fp32;
  CHECK(export_plan(plan, Target::torchtitan).notes.empty());
  plan.strategy.exchange = Exchange::ring;
  CHECK(loses(export_plan(plan, Target::torchtitan), "exchange ring: "));
}

TEST_CASE("TransformerEngine gets the groups of every tensor-parallel rank") {
  Plan plan = engine_plan_of({2, 2, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  plan.training.tensor_parallel = 2;
  const Exported both = export_plan(plan, Target::transformer_engine);
  CHECK(both.notes.empty());
  CHECK(says(both, "\ncp_groups = [[0, 2, 4, 6], [1, 3, 5, 7]]\n"));
  CHECK(says(both, "\na2a_groups = [[0, 2], [4, 6], [1, 3], [5, 7]]\n"));
  CHECK(says(both, "\np2p_groups = [[0, 4], [2, 6], [1, 5], [3, 7]]\n"));
  CHECK_FALSE(says(both, "\ncp_global_ranks = "));
}

TEST_CASE("yunchang takes every USP strategy over one document") {
  const Strategy striped{4, 2, Order::context_inner, Layout::striped, Exchange::ring};
  const Exported exported = export_plan(plan_of(striped), Target::yunchang);
  CHECK(exported.notes.empty());
  CHECK(says(exported,
             "set_seq_parallel_pg(sp_ulysses_degree=4, sp_ring_degree=2, rank=rank, world_size=8, "
             "use_ulysses_low=False)"));
  CHECK(says(exported, "ring_impl_type = \"strip\""));
}

TEST_CASE("DeepSpeed takes Ulysses alone") {
  const Exported exported = export_plan(plan_of({8, 1}), Target::deepspeed);
  CHECK(exported.notes.empty());
  CHECK(says(exported, "\"sequence_parallel_size\": 8"));
}

TEST_CASE("what a target lacks is said with the nearest setting") {
  Strategy sap{2, 4, Order::context_inner, Layout::balanced, Exchange::p2p, 3, Dtype::bf16};
  sap.moves = Moves::fewest;
  sap.transfer_order = TransferOrder::most_work;
  sap.kv_groups = KvGroups::split;
  sap.gradient_return = GradientReturn::batched;
  const Plan plan = plan_of(sap);
  const Exported megatron = export_plan(plan, Target::megatron);
  CHECK(loses(megatron, "exchange p2p: "));
  CHECK(loses(megatron, "layout balanced: "));
  CHECK(loses(megatron, "order context-inner: "));
  CHECK(loses(megatron, "stages 3: "));
  CHECK(loses(megatron, "moves fewest: "));
  CHECK(loses(megatron, "transfer_order most_work: "));
  CHECK(loses(megatron, "kv_groups split: "));
  CHECK(loses(megatron, "gradient_return batched: "));
  const Exported yunchang = export_plan(plan, Target::yunchang);
  CHECK(loses(yunchang, "gradient_dtype bf16: "));
  CHECK(loses(yunchang, "exchange p2p: "));
  CHECK(loses(yunchang, "layout balanced: "));
  CHECK_FALSE(loses(yunchang, "order"));
  CHECK(loses(export_plan(plan, Target::deepspeed), "context_parallel 4 (p2p, balanced): "));
  const Exported torchtitan = export_plan(plan, Target::torchtitan);
  CHECK(loses(torchtitan, "ulysses 2: "));
  CHECK(loses(torchtitan, "exchange p2p: "));
  for (const Exported& each : {megatron, yunchang, torchtitan}) {
    for (const std::string& note : each.notes) CHECK(says(each, "# not expressed: " + note + "\n"));
  }
}

TEST_CASE("a plan whose ranks share no sequence asks nothing of its lengths") {
  Plan plan = plan_of({1, 1});
  plan.problem.batches = {Batch{{3001, 17}}};
  plan.problem.context = 3018;
  plan.replicas = 8;
  CHECK(export_plan(plan, Target::transformer_engine).notes.empty());
  const Exported megatron = export_plan(plan, Target::megatron);
  CHECK(megatron.notes.empty());
  CHECK(says(megatron, "\n--seq-length 3018\n"));
}

TEST_CASE("Megatron gets a sequence length that it takes and that holds the context") {
  Plan plan = plan_of({1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  for (const auto& [context, length] : {std::pair{1000, "1008"}, {7, "16"}}) {
    plan.problem.context = context;
    const Exported megatron = export_plan(plan, Target::megatron);
    CHECK(says(megatron, std::string("\n--seq-length ") + length + "\n"));
    CHECK(says(megatron, std::string("\n--max-position-embeddings ") + length + "\n"));
    CHECK(loses(megatron, "context " + std::to_string(context) + ": "));
  }
  // Tensor-parallel GPUs have equal parts of each chunk, or of the sequence.
  plan.training.tensor_parallel = 4;
  plan.problem.context = 4096 + 16;
  CHECK(says(export_plan(plan, Target::megatron), "\n--seq-length 4160\n"));
  plan.strategy = {1, 1};
  plan.problem.context = 10001;
  const Exported alone = export_plan(plan, Target::megatron);
  CHECK(says(alone, "\n--seq-length 10004\n"));
  CHECK(loses(alone, "context 10001: --seq-length must be a multiple of 4"));
  plan.training.matmul = Training::Matmul::fp8;  // 8 tokens on each of the 4 GPUs
  CHECK(loses(export_plan(plan, Target::megatron),
              "context 10001: --seq-length must be a multiple of 32"));
}

TEST_CASE("no trainer gets a length that it refuses") {
  Plan plan = plan_of({.context_parallel = 2, .layout = Layout::zigzag});
  plan.problem.context = 100001;
  plan.problem.batches = {Batch{{100001}}};
  plan.cluster.gpus = plan.cluster.gpus_per_node = 2;
  Exported exported = export_plan(plan, Target::torchtitan);
  CHECK(says(exported, "--training.seq_len 100004\n"));
  CHECK(loses(exported, "context 100001"));
  CHECK(loses(export_plan(plan, Target::yunchang), "batches of any length (100001 tokens)"));
  plan.problem.batches = {Batch{{100002}}};
  CHECK(loses(export_plan(plan, Target::yunchang), "batches of any length (100002 tokens)"));
  plan.strategy.layout = Layout::striped;  // no chunks
  CHECK_FALSE(loses(export_plan(plan, Target::yunchang), "batches of any length"));
  plan.strategy = {.ulysses = 2};
  plan.problem.batches = {Batch{{100001}}};
  exported = export_plan(plan, Target::deepspeed);
  CHECK(says(exported, "seq_length=100002,"));
  CHECK(loses(exported, "batches of any length (100001 tokens)"));
  plan.problem.batches = {Batch{{100000}}};
  CHECK_FALSE(loses(export_plan(plan, Target::deepspeed), "batches of any length"));
}

TEST_CASE("Megatron is told the environment that it asks for") {
  const std::string wanted = "# before Blackwell: CUDA_DEVICE_MAX_CONNECTIONS=1 ";
  Plan plan = plan_of({8, 1});
  CHECK(says(export_plan(plan, Target::megatron), wanted));
  plan.training.zero = 3;  // whose FSDP refuses it
  CHECK_FALSE(says(export_plan(plan, Target::megatron), wanted));
  plan.training.zero = 1;
  plan.strategy = {1, 1};
  CHECK_FALSE(says(export_plan(plan, Target::megatron), wanted));
}

TEST_CASE("uneven or replicated heads fall back to the largest even degree") {
  // 8 key/value heads: 16 Ulysses ranks would replicate them; 8 x 2 is the nearest mesh.
  Plan plan = plan_of({16, 1});
  plan.cluster.gpus = 16;
  const Exported exported = export_plan(plan, Target::megatron);
  CHECK(loses(exported, "ulysses 16: "));
  CHECK(says(exported, "--hierarchical-context-parallel-sizes 8 2"));
  CHECK(says(export_plan(plan, Target::deepspeed), "\"sequence_parallel_size\": 8"));
  // Tensor parallelism 2 leaves 4 key/value heads a rank.
  plan.training.tensor_parallel = 2;
  CHECK(says(export_plan(plan, Target::deepspeed), "\"sequence_parallel_size\": 4"));
}

TEST_CASE("key/value heads that tensor parallelism replicates are whole") {
  // 16 tensor-parallel ranks share 8 key/value heads: each has one, which no Ulysses rank splits.
  Plan plan = engine_plan_of({1, 2, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  plan.training.tensor_parallel = 16;
  CHECK(export_plan(plan, Target::transformer_engine).notes.empty());
  CHECK_FALSE(loses(export_plan(plan, Target::yunchang), "ulysses 1: "));
}

TEST_CASE("packed documents and masks that a target cannot carry are said") {
  Plan plan = plan_of({1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  plan.problem.batches = {Batch{{1000, 3096}}};
  CHECK(loses(export_plan(plan, Target::megatron), "documents of any length (1000 tokens): "));
  CHECK(loses(export_plan(plan, Target::megatron), "layout zigzag: "));
  CHECK(loses(export_plan(plan, Target::yunchang), "document borders: "));
  plan.problem.mask = *parse_mask("sliding:512");
  for (const Target target : {Target::yunchang, Target::deepspeed, Target::torchtitan}) {
    CHECK(loses(export_plan(plan, target), "mask sliding:512: "));
  }
  plan.problem.mask = *parse_mask("prefix:512");
  for (int i = 0; i < targets; ++i) {
    CHECK(loses(export_plan(plan, static_cast<Target>(i)), "mask prefix:512: "));
  }
}

TEST_CASE("documents stay apart by what each trainer has for it") {
  Plan plan = plan_of({8, 1});
  CHECK_FALSE(says(export_plan(plan, Target::megatron), "inter-document"));
  CHECK_FALSE(loses(export_plan(plan, Target::torchtitan), "document borders: "));
  CHECK_FALSE(says(export_plan(plan, Target::deepspeed), "position_ids"));
  CHECK_FALSE(says(export_plan(plan, Target::transformer_engine), "thd"));
  plan.problem.batches = {Batch{{1024, 3072}}};
  CHECK(says(export_plan(plan, Target::megatron), "\n--dataloader-inter-document-masking\n"));
  CHECK(loses(export_plan(plan, Target::torchtitan), "document borders: "));
  CHECK(says(export_plan(plan, Target::deepspeed), "\n# its position_ids must begin anew "));
  CHECK(says(export_plan(plan, Target::transformer_engine), "\n# cu_seqlens of the documents"));
}

TEST_CASE("partial gradients travel as the trainer sends them") {
  const Strategy ring{2, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  CHECK(loses(export_plan(plan_of(ring), Target::megatron), "gradient_dtype fp32: "));
  CHECK_FALSE(loses(export_plan(engine_plan_of(ring), Target::megatron), "gradient_dtype "));
  CHECK_FALSE(loses(export_plan(plan_of(ring), Target::yunchang), "gradient_dtype "));
  CHECK(loses(export_plan(engine_plan_of(ring), Target::yunchang), "gradient_dtype bf16: "));
  // There are none where no rank shares a head's tokens, and none in a forward pass.
  CHECK_FALSE(loses(export_plan(plan_of({8, 1}), Target::megatron), "gradient_dtype "));
  Plan forward = plan_of(ring);
  forward.problem.passes = Passes::forward;
  CHECK_FALSE(loses(export_plan(forward, Target::megatron), "gradient_dtype "));
}

TEST_CASE("options are for attention in bf16") {
  Plan plan = plan_of({8, 1});
  for (int i = 0; i < targets; ++i) {
    plan.problem.dtype = Dtype::bf16;
    CHECK_FALSE(loses(export_plan(plan, static_cast<Target>(i)), "dtype fp32: "));
    plan.problem.dtype = Dtype::fp32;
    CHECK(loses(export_plan(plan, static_cast<Target>(i)), "dtype fp32: "));
  }
}

TEST_CASE("layers with a window are told to trainers that have them as an option") {
  Plan plan = test::windowed_plan();
  plan.problem.batches = {Batch{{4096}}};
  plan.training = {1, Training::Checkpointing::none};
  plan.strategy = {8, 1};
  const Exported megatron = export_plan(plan, Target::megatron);
  CHECK(megatron.notes.empty());
  CHECK(says(megatron, "--cp-comm-type a2a\n--window-size 511,0\n--window-attn-skip-freq 4\n"));
  const Exported engine = export_plan(plan, Target::transformer_engine);
  CHECK(engine.notes.empty());
  CHECK(says(engine,
             "\nmask_arguments = {\"attn_mask_type\": \"causal\"}\n# in the 24 layers with "
             "a window \"window_size\": (511,0)\n"));
  for (const Target target : {Target::torchtitan, Target::deepspeed, Target::yunchang}) {
    CHECK(loses(export_plan(plan, target), "mask causal (sliding:512 in 24 of 32 layers): "));
  }
  // Gemma 3: every 6th of 62 layers sees all. 12 of 32 are no such pattern.
  plan.problem.model.layers = 62;
  plan.problem.model.window_layers = 52;
  CHECK(says(export_plan(plan, Target::megatron), "--window-attn-skip-freq 6\n"));
  plan.problem.model.layers = 32;
  plan.problem.model.window_layers = 12;
  const Exported irregular = export_plan(plan, Target::megatron);
  CHECK(says(irregular, "--window-attn-skip-freq [1]*12+[0]*20\n"));
  CHECK(loses(irregular, "window in 12 of 32 layers: "));
  // The other layers have one, too.
  plan.problem.mask = *parse_mask("sliding:2048");
  CHECK(loses(export_plan(plan, Target::megatron), "mask sliding:2048: "));
  const Exported both = export_plan(plan, Target::transformer_engine);
  CHECK(both.notes.empty());
  CHECK(says(both,
             "\"window_size\": (2047,0)}\n# in the 12 layers with a window \"window_size\": "
             "(511,0)\n"));
  plan.problem.mask = {};
  // A ring has no window.
  plan.strategy = {1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::ring};
  CHECK(loses(export_plan(plan, Target::megatron), "exchange ring: "));
}
