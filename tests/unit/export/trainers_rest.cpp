// What trainers are told of the rest of the model.
#include <catch2/catch.hpp>

#include "unit/export/exported.hpp"

using namespace hsap;
using namespace hsap::test;

TEST_CASE("trainers are told the batches of a step") {
  Plan plan = plan_of({1, 1});
  plan.replicas = 8;
  plan.training.global_batch = 0;
  CHECK(says(export_plan(plan, Target::megatron), "--micro-batch-size 1\n--global-batch-size 8\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "--training.global_batch_size 8\n"));
  CHECK(says(export_plan(plan, Target::deepspeed), "\"gradient_accumulation_steps\": 1,"));
  plan.training.global_batch = 24;
  CHECK(
      says(export_plan(plan, Target::megatron), "--micro-batch-size 1\n--global-batch-size 24\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "--training.global_batch_size 24\n"));
  CHECK(says(export_plan(plan, Target::deepspeed), "\"gradient_accumulation_steps\": 3,"));
  // Where DeepSpeed can only make smaller groups there are more of them.
  plan = plan_of({16, 1});
  plan.cluster.gpus = 16;
  plan.training.global_batch = 3;
  const Exported deepspeed = export_plan(plan, Target::deepspeed);
  CHECK(loses(deepspeed, "global batch 3: 2 groups of 8 cannot share it"));
  CHECK(says(deepspeed, "\"gradient_accumulation_steps\": 1,"));
}

TEST_CASE("a step may have more tokens than an int") {
  Plan plan = plan_of({8, 1});
  plan.problem.context = 1 << 20;
  plan.training.global_batch = 4096;
  CHECK(says(export_plan(plan, Target::torchtitan),
             "--training.num_tokens_per_train_step 4294967296\n"));
}

TEST_CASE("no trainer's loader deals batches out by their work") {
  Plan plan = engine_plan_of({8, 1});
  for (const Target target : {Target::megatron, Target::torchtitan, Target::deepspeed,
                              Target::yunchang, Target::transformer_engine}) {
    plan.training.lookahead = 0;
    CHECK_FALSE(loses(export_plan(plan, target), "lookahead"));
    plan.training.lookahead = 4;
    const Exported exported = export_plan(plan, target);
    CHECK(loses(exported, "lookahead 4: no option of "));
    CHECK(exported.strategy_note.find("lookahead") == std::string::npos);
  }
}

TEST_CASE("trainers are told how memory and steps are shared out") {
  Plan plan = plan_of({1, 8, Order::ulysses_inner, Layout::zigzag, Exchange::all_gather});
  const auto exported = [&](int zero, Target target) {
    plan.training.zero = zero;
    return export_plan(plan, target);
  };
  const std::string optimizer = "\n--use-distributed-optimizer\n--overlap-param-gather\n";
  const std::string whole = "\n--use-megatron-fsdp\n";
  CHECK_FALSE(says(exported(0, Target::megatron), optimizer));
  CHECK(says(exported(0, Target::megatron), "\n--overlap-grad-reduce\n"));
  CHECK(says(exported(1, Target::megatron), optimizer));
  CHECK_FALSE(says(exported(1, Target::megatron), whole));
  CHECK(says(exported(2, Target::megatron), "-sharding-strategy optim_grads\n"));
  CHECK(says(exported(3, Target::megatron), "-sharding-strategy optim_grads_params\n"));
  CHECK(says(exported(3, Target::megatron), whole));
  CHECK(loses(exported(1, Target::torchtitan), "ZeRO 1: "));
  CHECK(says(exported(2, Target::torchtitan), "_reshard_after_forward never\n"));
  CHECK(says(exported(3, Target::torchtitan), "_reshard_after_forward always\n"));
  CHECK(says(exported(3, Target::deepspeed), "{\"stage\": 3, \"overlap_comm\": True}"));
}

TEST_CASE("trainers are told the stages of a pipeline") {
  Plan plan = plan_of({1, 4, Order::ulysses_inner, Layout::zigzag, Exchange::all_gather});
  plan.training.pipeline_parallel = 2;
  plan.training.global_batch = 6;
  const std::string degree = "\n--pipeline-model-parallel-size 2\n";
  CHECK(says(export_plan(plan, Target::megatron), degree + "--context-parallel-size 4\n"));
  CHECK(says(export_plan(plan, Target::torchtitan),
             "\n--parallelism.pipeline_parallel_degree 2\n"
             "--parallelism.pipeline_parallel_schedule 1F1B\n"
             "--parallelism.pipeline_parallel_first_stage_less_layers 0\n"
             "--parallelism.pipeline_parallel_last_stage_less_layers 0\n"
             "--parallelism.pipeline_parallel_layers_per_stage 16\n"
             "--parallelism.pipeline_parallel_microbatch_size 1\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "\n--training.local_batch_size 6\n"));
  CHECK(says(export_plan(plan, Target::transformer_engine), ", pipeline stage s adds 4 s\n"));
  CHECK(loses(export_plan(plan, Target::deepspeed), "pipeline parallel 2: "));
  CHECK(loses(export_plan(plan, Target::yunchang), "pipeline parallel 2: "));
  plan.training.virtual_stages = 17;  // 34 pieces of 32 layers, the embedding and the loss
  plan.problem.model.layers = 66;
  const std::string virtual_stages = "--num-virtual-stages-per-pipeline-rank 17\n";
  CHECK(says(export_plan(plan, Target::megatron), degree + virtual_stages +
                                                      "--account-for-embedding-in-pipeline-split\n"
                                                      "--account-for-loss-in-pipeline-split\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "_first_stage_less_layers 1\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "_layers_per_stage 2\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "_schedule Interleaved1F1B\n"));
}

TEST_CASE("trainers are told what the backward pass makes again") {
  using Checkpointing = Training::Checkpointing;
  Plan plan = plan_of({8, 1});
  const auto exported = [&](Checkpointing checkpointing, Target target) {
    plan.training.checkpointing = checkpointing;
    return export_plan(plan, target);
  };
  const std::string granularity = "\n--recompute-granularity ";
  CHECK_FALSE(says(exported(Checkpointing::none, Target::megatron), granularity));
  const Exported selective = exported(Checkpointing::selective, Target::megatron);
  CHECK(says(selective, granularity + "selective\n--recompute-modules mlp\n"));
  CHECK(loses(selective, "selective checkpointing: norms are fused with linear layers"));
  const Exported norms = exported(Checkpointing::norms, Target::megatron);
  CHECK(says(norms, granularity + "selective\n--recompute-modules mlp\n"));
  CHECK(loses(norms, "norms checkpointing: norms are fused with linear layers"));
  plan.problem.model.experts = 8;
  plan.problem.model.experts_per_token = 2;
  const std::string before_experts =
      "checkpointing: the norm before attention keeps its output, 8192";
  const Exported experts = exported(Checkpointing::norms, Target::megatron);
  CHECK(says(experts, "\n--recompute-modules layernorm\n"));
  CHECK(loses(experts, "norms " + before_experts));
  const Exported activation = exported(Checkpointing::selective, Target::megatron);
  CHECK(says(activation, "\n--recompute-modules layernorm moe_act\n"));
  CHECK(loses(activation, "selective " + before_experts));
  plan.problem.model.experts = plan.problem.model.experts_per_token = 0;
  CHECK(says(exported(Checkpointing::full, Target::megatron), granularity + "full\n"));
  const std::string enable = "model.gradient_checkpointing_enable()";
  CHECK_FALSE(says(exported(Checkpointing::none, Target::deepspeed), enable));
  CHECK(says(exported(Checkpointing::full, Target::deepspeed), enable));
  CHECK(loses(exported(Checkpointing::selective, Target::deepspeed), "selective checkpointing: "));
  CHECK(loses(exported(Checkpointing::norms, Target::deepspeed), "norms checkpointing: "));
  const std::string mode = "\n--activation_checkpoint.mode ";
  CHECK(says(exported(Checkpointing::none, Target::torchtitan), mode + "none\n"));
  CHECK(says(exported(Checkpointing::full, Target::torchtitan), mode + "full\n"));
  CHECK(says(exported(Checkpointing::selective, Target::torchtitan),
             mode + "selective\n--activation_checkpoint.selective_ac_option op\n"));
  CHECK(loses(exported(Checkpointing::selective, Target::torchtitan),
              "selective checkpointing: its policy also makes every second matrix product again"));
  // Of attention alone nothing is checkpointed.
  plan.problem.model.layers = 0;
  CHECK_FALSE(says(exported(Checkpointing::full, Target::megatron), granularity));
  CHECK_FALSE(says(exported(Checkpointing::full, Target::deepspeed), enable));
  CHECK_FALSE(says(exported(Checkpointing::full, Target::torchtitan), mode));
}

TEST_CASE("trainers are told all of their usual way to train") {
  for (const Target target : {Target::megatron, Target::deepspeed, Target::torchtitan}) {
    Plan plan = plan_of({8, 1});
    plan.training = usual_training(target);
    for (const std::string& note : export_plan(plan, target).notes) {
      INFO(to_string(target) << ": " << note);
      CHECK(note.find("checkpointing") == std::string::npos);
      CHECK(note.find("ZeRO") == std::string::npos);
      CHECK(note.find("weight gradients") == std::string::npos);
    }
  }
}

TEST_CASE("trainers are told which GPUs share out experts") {
  Plan plan = plan_of({1, 4, Order::ulysses_inner, Layout::zigzag, Exchange::all_gather});
  CHECK_FALSE(says(export_plan(plan, Target::megatron), "--moe-"));
  plan.problem.model.experts = 16;
  plan.problem.model.experts_per_token = 2;
  CHECK(says(export_plan(plan, Target::megatron), "\n--moe-grouped-gemm\n--context-parallel"));
  CHECK_FALSE(says(export_plan(plan, Target::torchtitan), "expert_parallel"));
  plan.training.expert_parallel = 8;
  CHECK(says(export_plan(plan, Target::megatron),
             "\n--moe-grouped-gemm\n--expert-model-parallel-size 8\n"
             "--expert-tensor-parallel-size 1\n--moe-token-dispatcher-type alltoall\n"));
  const std::string degree = "--parallelism.expert_parallel_degree ";
  CHECK(says(export_plan(plan, Target::torchtitan),
             "\n" + degree + "8\n--parallelism.expert_tensor_parallel_degree 1\n"));
  CHECK_FALSE(says(export_plan(plan, Target::torchtitan), "multiples of"));
  CHECK(says(export_plan(plan, Target::megatron), "experts of a layer shared out over 8 GPUs\n"));
  CHECK(loses(export_plan(plan, Target::deepspeed), "expert parallel 8: "));
  CHECK(loses(export_plan(plan, Target::yunchang), "expert parallel 8: "));
  plan.training.expert_parallel = 2;
  CHECK(says(export_plan(plan, Target::torchtitan), "takes multiples of 4 only\n" + degree));
}

TEST_CASE("trainers are told a loss in chunks, where they have one") {
  Plan plan = plan_of({8, 1});
  plan.training.loss_chunks = 16;
  CHECK(says(export_plan(plan, Target::deepspeed), "by TiledFusedLogitsLoss, 16 shards\n"));
  for (const Target target : {Target::megatron, Target::torchtitan}) {
    CHECK(loses(export_plan(plan, target), "loss in 16 chunks: "));
    plan.training.loss_chunks = 1;
    CHECK_FALSE(loses(export_plan(plan, target), "loss in "));
    plan.training.loss_chunks = 16;
  }
  CHECK(says(export_plan(plan, Target::yunchang), "\n# and on a loss in 16 chunks "));
}

TEST_CASE("trainers are told to multiply in FP8, where they can") {
  Plan plan = plan_of({8, 1});
  CHECK_FALSE(says(export_plan(plan, Target::megatron), "fp8"));
  plan.training.matmul = Training::Matmul::fp8;
  const std::string format = "\n--fp8-format hybrid\n--fp8-recipe tensorwise\n";
  CHECK(says(export_plan(plan, Target::megatron), format + "--fp8-param-gather\n"));
  CHECK(
      says(export_plan(plan, Target::torchtitan), "\n--model.converters quantize.linear.float8\n"));
  CHECK(says(export_plan(plan, Target::torchtitan), "\n--compile.enable\n"));
  CHECK(loses(export_plan(plan, Target::deepspeed), "matmul fp8: "));
  CHECK(says(export_plan(plan, Target::yunchang), "\n# and on linear layers in FP8, "));
  plan.training.loss = Training::Loss::plain;
  CHECK(says(export_plan(plan, Target::torchtitan), "\n--compile.enable\n"));
  // Its optimizer must be distributed to gather what is cast.
  plan.training.zero = 0;
  CHECK(says(export_plan(plan, Target::megatron), format));
  CHECK_FALSE(says(export_plan(plan, Target::megatron), "--fp8-param-gather"));
  CHECK_FALSE(loses(export_plan(plan, Target::torchtitan), "matmul fp8 of experts: "));
  plan.problem.model.experts = 8;
  plan.problem.model.experts_per_token = 2;
  CHECK(loses(export_plan(plan, Target::torchtitan), "matmul fp8 of experts: "));
  CHECK(says(export_plan(plan, Target::torchtitan), "filter_fqns output,router.gate\n"));
}

TEST_CASE("DeepSpeed's export tells of the question whatever becomes of the strategy") {
  for (const Strategy& strategy : {Strategy{8, 1}, Strategy{2, 4}}) {
    Plan plan = plan_of(strategy);
    plan.training.lookahead = 2;
    plan.problem.dtype = Dtype::fp32;
    CHECK(loses(export_plan(plan, Target::deepspeed), "lookahead 2: "));
    CHECK(loses(export_plan(plan, Target::deepspeed), "dtype fp32: "));
  }
}

TEST_CASE("Transformers offloads what its checkpointing keeps; others are not told") {
  Plan plan = plan_of({8, 1});
  plan.training.checkpointing = Training::Checkpointing::full;
  CHECK(says(export_plan(plan, Target::deepspeed),
             "\n# call model.gradient_checkpointing_enable() "));
  plan.training.offload = Training::Offload::activations;
  CHECK(says(export_plan(plan, Target::deepspeed),
             "gradient_checkpointing_enable(gradient_checkpointing_kwargs={\"offload\": True})"));
  for (const Target target : {Target::megatron, Target::torchtitan}) {
    CHECK(loses(export_plan(plan, target), "offload activations: "));
  }
  CHECK(says(export_plan(plan, Target::yunchang), "\n# and on layers' inputs in the memory of "));
}

TEST_CASE("trainers are told the dtype of weight gradients") {
  Plan plan = plan_of({8, 1});
  const auto exported = [&](Dtype dtype, Target target) {
    plan.training.weight_gradients = dtype;
    return export_plan(plan, target);
  };
  CHECK(says(exported(Dtype::bf16, Target::megatron), "\n--bf16\n--grad-reduce-in-bf16\n"));
  CHECK(says(exported(Dtype::fp32, Target::megatron), "\n--accumulate-allreduce-grads-in-fp32\n"));
  const std::string sharded = "\n--megatron-fsdp-main-grads-dtype ";
  CHECK_FALSE(says(exported(Dtype::fp32, Target::megatron), sharded));
  plan.training.zero = 2;
  CHECK(says(exported(Dtype::fp32, Target::megatron), sharded + "fp32\n"));
  CHECK(says(exported(Dtype::bf16, Target::megatron), sharded + "bf16\n"));
  plan.training.zero = 1;
  const std::string both = R"("grad_accum_dtype": "fp32"}, "communication_data_type": "fp32")";
  CHECK_FALSE(says(exported(Dtype::bf16, Target::deepspeed), both));
  CHECK(says(exported(Dtype::fp32, Target::deepspeed), both));
  CHECK(loses(exported(Dtype::bf16, Target::torchtitan), "weight gradients in bf16: "));
  CHECK_FALSE(loses(exported(Dtype::fp32, Target::torchtitan), "weight gradients in "));
  plan.training.zero = 0;
  CHECK(loses(exported(Dtype::fp32, Target::deepspeed), "weight gradients in fp32: "));
  CHECK_FALSE(says(exported(Dtype::fp32, Target::deepspeed), both));
}

TEST_CASE("tensor parallelism shares activations, too") {
  Plan plan = plan_of({1, 4, Order::ulysses_inner, Layout::zigzag, Exchange::ring});
  CHECK_FALSE(says(export_plan(plan, Target::megatron), "--sequence-parallel"));
  plan.training.tensor_parallel = 2;
  CHECK(says(export_plan(plan, Target::megatron),
             "--tensor-model-parallel-size 2\n--sequence-parallel\n"));
}
