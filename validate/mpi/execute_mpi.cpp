#include "validate/mpi/execute_mpi.hpp"

#include <fmt/format.h>

#include <chrono>
#include <limits>
#include <string>

#include "validate/host/program.hpp"
#include "validate/mpi/transport.hpp"

namespace hsap::mpi {
namespace {

/// What each rank has to say, heard by all in the order of the ranks.
std::string gather_text(const std::string& own, int rank, int size) {
  std::string all;
  for (int from = 0; from < size; ++from) {
    std::string text = rank == from ? own : std::string();
    auto length = static_cast<int>(text.size());
    MPI_Bcast(&length, 1, MPI_INT, from, MPI_COMM_WORLD);
    text.resize(static_cast<std::size_t>(length));
    MPI_Bcast(text.data(), length, MPI_CHAR, from, MPI_COMM_WORLD);
    all += text;
  }
  return all;
}

/// Spreads the rows of one result buffer from its rank to all.
void share_rows(const Schedule& schedule, const Buffer& buffer, Tensor& tensor, int rank) {
  std::vector<double> row;
  for (const Interval& interval : schedule.intervals_of(buffer)) {
    for (Token i = 0; i < interval.size(); ++i) {
      const auto first = tensor.row(interval.at(i), buffer.heads.begin);
      const auto numbers = first.size() * static_cast<std::size_t>(buffer.heads.size());
      // The heads of a token stand side by side.
      row.assign(numbers, 0);
      if (rank == buffer.rank) row.assign(first.data(), first.data() + numbers);
      MPI_Bcast(row.data(), static_cast<int>(numbers), MPI_DOUBLE, buffer.rank, MPI_COMM_WORLD);
      std::copy(row.begin(), row.end(), first.data());
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
  const std::int64_t factor = arithmetic == Arithmetic::fp64 ? 4 : 1;
  for (const std::int64_t bytes : plan.bytes) {
    // No message is larger than the memory of a rank.
    if (bytes * factor < std::numeric_limits<int>::max()) continue;
    return infeasible("messages of 2 GiB and more are not supported over MPI");
  }
  return {};
}

template <typename T>
Result<Execution> run(const Schedule& schedule, const BufferPlan& plan, Tensors& tensors,
                      const ExecuteOptions& options, int rank, int size) {
  const auto begin = std::chrono::steady_clock::now();
  MpiTransport transport(options.patience_s);
  const host::Meetings meetings(schedule);
  host::Program<T> program(schedule, plan, meetings, rank, options.arithmetic, transport);
  program.read_inputs(tensors);
  const bool done = program.run() == host::Transport::Wake::look;
  const std::string reports = gather_text(done ? std::string() : program.report(), rank, size);
  if (!reports.empty()) return infeasible("ranks have waited too long:" + reports);
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
    MPI_Abort(MPI_COMM_WORLD, 1);
  } else {
    MPI_Finalize();
  }
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
