#include "validate/mpi/execute_mpi.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "validate/host/program.hpp"
#include "validate/mpi/transport.hpp"

namespace hsap::mpi {
namespace {

/// What each rank has to say, heard by all.
std::vector<std::string> gather_texts(const std::string& own, int rank, int size) {
  std::vector<std::string> all;
  for (int from = 0; from < size; ++from) {
    std::string text = rank == from ? own : std::string();
    auto length = static_cast<int>(text.size());
    MPI_Bcast(&length, 1, MPI_INT, from, MPI_COMM_WORLD);
    text.resize(static_cast<std::size_t>(length));
    MPI_Bcast(text.data(), length, MPI_CHAR, from, MPI_COMM_WORLD);
    all.push_back(std::move(text));
  }
  return all;
}

std::string gather_text(const std::string& own, int rank, int size) {
  return fmt::format("{}", fmt::join(gather_texts(own, rank, size), ""));
}

/// Spreads the rows of one result buffer from its rank to all.
void share_rows(const Schedule& schedule, const Buffer& buffer, Tensor& tensor, int rank) {
  constexpr std::size_t rows_at_once = 256;
  std::vector<double> rows;
  const std::vector<Token> tokens = host::tokens_of(schedule.intervals_of(buffer));
  const auto heads = static_cast<std::size_t>(buffer.heads.size());
  for (std::size_t begin = 0; begin < tokens.size(); begin += rows_at_once) {
    const std::span part =
        std::span(tokens).subspan(begin).first(std::min(rows_at_once, tokens.size() - begin));
    // The heads of a token stand side by side.
    const std::size_t numbers = tensor.row(part[0], buffer.heads.begin).size() * heads;
    rows.resize(part.size() * numbers);
    for (std::size_t i = 0; rank == buffer.rank && i < part.size(); ++i) {
      const double* from = tensor.row(part[i], buffer.heads.begin).data();
      std::copy(from, from + numbers, &rows[i * numbers]);
    }
    MPI_Bcast(rows.data(), static_cast<int>(rows.size()), MPI_DOUBLE, buffer.rank, MPI_COMM_WORLD);
    for (std::size_t i = 0; i < part.size(); ++i) {
      std::copy(&rows[i * numbers], &rows[i * numbers] + numbers,
                tensor.row(part[i], buffer.heads.begin).data());
    }
  }
}

void share_results(const Schedule& schedule, const BufferPlan& plan, Tensors& tensors, int rank) {
  for (Index at = 0; at < schedule.buffers.size(); ++at) {
    const Buffer& buffer = schedule.buffers[at];
    if (!host::is_result(buffer) || plan.offset_bytes[at] < 0) continue;
    share_rows(schedule, buffer, tensors[buffer.role], rank);
  }
}

Execution share_record(const host::RankRecord& own, int size) {
  Execution execution;
  for (int from = 0; from < size; ++from) {
    host::RankRecord record = own;
    record.bytes_sent.resize(static_cast<std::size_t>(size));
    MPI_Bcast(record.bytes_sent.data(), size, MPI_INT64_T, from, MPI_COMM_WORLD);
    MPI_Bcast(&record.peak_buffer_bytes, 1, MPI_INT64_T, from, MPI_COMM_WORLD);
    MPI_Bcast(record.kernel_s.data(), static_cast<int>(record.kernel_s.size()), MPI_DOUBLE, from,
              MPI_COMM_WORLD);
    host::append(record, execution);
  }
  return execution;
}

Status check_sizes(const Schedule& schedule, const BufferPlan& plan, Arithmetic arithmetic,
                   int size) {
  if (size != schedule.ranks()) {
    return bad_input("the plan has another number of ranks than mpirun started processes",
                     std::to_string(size), fmt::format("mpirun -n {}", schedule.ranks()));
  }
  for (const std::int64_t bytes : plan.bytes) {
    // No message is larger than the memory of a rank.
    if (bytes * host::plan_scale(arithmetic) < std::numeric_limits<int>::max()) continue;
    return infeasible("messages of 2 GiB and more are not supported over MPI");
  }
  return {};
}

template <typename T>
Result<Execution> run(const Schedule& schedule, const BufferPlan& plan, Tensors& tensors,
                      const ExecuteOptions& options, int rank, int size) {
  const auto begin = std::chrono::steady_clock::now();
  MpiTransport transport(options.patience_s, size);
  const Meetings meetings = find_meetings(schedule);
  host::Program<T> program(schedule, plan, meetings, rank, options.arithmetic, transport);
  program.read_inputs(tensors);
  const bool done = program.run() == host::Transport::Wake::look;
  const std::string reports = gather_text(done ? std::string() : program.report(), rank, size);
  if (!reports.empty()) return infeasible("ranks have waited too long:" + reports);
  const std::string left = gather_text(transport.leftovers(), rank, size);
  if (!left.empty()) return infeasible("messages that nobody received:" + left);
  transport.finish();
  host::make_room(schedule, tensors);
  program.write_results(tensors);
  share_results(schedule, plan, tensors, rank);
  Execution execution = share_record(program.record(), size);
  execution.wall_s =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return execution;
}

}  // namespace

Session::Session() {
  int provided = 0;
  MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank_);
  MPI_Comm_size(MPI_COMM_WORLD, &size_);
}

Session::~Session() {
  if (failed_) {
    // An abort drops what mpirun has not read yet: the process that speaks goes first, and not at
    // once.
    std::fflush(nullptr);
    std::this_thread::sleep_for(std::chrono::milliseconds(speaks() ? 300 : 3000));
    MPI_Abort(MPI_COMM_WORLD, 1);
  } else {
    MPI_Finalize();
  }
}

Status Session::agree(const Status& own) {
  int kind = own ? -1 : static_cast<int>(own.error().kind);
  MPI_Allreduce(MPI_IN_PLACE, &kind, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  const std::string text = own ? std::string() : own.error().text();
  std::vector<std::string> texts = gather_texts(text, rank_, size_);
  if (kind < 0) return {};
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  std::erase(texts, "");
  Error error;
  error.kind = static_cast<ErrorKind>(kind);
  if (speaks()) error.message = fmt::format("{}", fmt::join(texts, "; "));
  return error;
}

Result<Execution> Session::execute(const Schedule& schedule, Tensors& tensors,
                                   const ExecuteOptions& options) {
  const BufferPlan plan = plan_buffers(schedule);
  HSAP_CHECK(check_sizes(schedule, plan, options.arithmetic, size_));
  Result<Execution> result = options.arithmetic == Arithmetic::fp64
                                 ? run<double>(schedule, plan, tensors, options, rank_, size_)
                                 : run<float>(schedule, plan, tensors, options, rank_, size_);
  failed_ = failed_ || !result.ok();
  return result;
}

}  // namespace hsap::mpi
