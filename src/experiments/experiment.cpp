// Steps in order, by all ranks together; what is finished is kept.
#include "dpl/experiments/experiment.hpp"

#include <chrono>
#include <filesystem>
#include <fstream>

#include "dpl/base/config.hpp"
#include "dpl/base/error.hpp"
#include "dpl/base/log.hpp"
#include "dpl/base/progress.hpp"
#include "dpl/base/stop_flag.hpp"
#include "dpl/experiments/device_start.hpp"
#include "dpl/experiments/experiment_plan.hpp"
#include "dpl/experiments/experiment_record.hpp"

namespace dpl {
namespace {

namespace fs = std::filesystem;

class Experiment {
 public:
  Experiment(const VerbContext& context, ExperimentPlan plan)
      : context_(context), comm_(context.comm), plan_(std::move(plan)), records_(plan_.steps.size()) {}

  int run() {
    read_records();
    if (context_.validate_only) return tell_plan();
    agree_on_root(comm_, "experiment", [&] { begin_folder(); });
    log_info("experiment {}: {} steps, {} of them finished, {} ranks; folder {}", plan_.name, plan_.steps.size(),
             finished(), comm_.size(), plan_.folder);
    for (std::size_t k = 0; k < plan_.steps.size(); ++k) {
      if (records_[k].finished) continue;
      if (comm_.any(stop_requested()) || !run_step(k)) {
        log_info("experiment {}: stopped by a signal, {} of {} steps are finished; the same command goes on",
                 plan_.name, finished(), plan_.steps.size());
        return kStoppedBySignal;
      }
    }
    tell_table();
    return 0;
  }

 private:
  std::size_t finished() const {
    std::size_t count = 0;
    for (const auto& record : records_) count += record.finished ? 1 : 0;
    return count;
  }

  // All before the first step runs: a change of a later one is told at once.
  void read_records() {
    std::vector<double> stored(2 * plan_.steps.size(), 0.0);
    agree_on_root(comm_, "experiment", [&] {
      for (std::size_t k = 0; k < plan_.steps.size(); ++k)
        if (const auto record = read_step_record(plan_, plan_.steps[k])) {
          stored[2 * k] = record->finished ? 1 : 0;
          stored[2 * k + 1] = record->seconds;
        }
    });
    comm_.broadcast(std::span(stored));
    for (std::size_t k = 0; k < records_.size(); ++k)
      records_[k] = {stored[2 * k] > 0, stored[2 * k + 1], comm_.size(), comparable_settings(plan_, plan_.steps[k])};
  }

  int tell_plan() const {
    log_info("the list and the configurations of its steps are valid; nothing was computed");
    for (std::size_t k = 0; k < plan_.steps.size(); ++k)
      log_info("{:>3}  {:<10} {:<24} {}{}", k + 1, plan_.steps[k].verb, plan_.steps[k].name, plan_.steps[k].config_path,
               records_[k].finished ? "  finished" : "");
    return 0;
  }

  void begin_folder() const {
    std::error_code problem;
    fs::create_directories(plan_.folder + "/steps", problem);
    std::ofstream out(plan_.folder + "/experiment.yaml", std::ios::binary);
    out << plan_.text << std::flush;
    if (!out)
      fail("output folder {}: cannot be made or written; set output to a folder you may write to", plan_.folder);
    add_log_file(plan_.folder + "/log.txt");
  }

  // Steps to come take as long as the finished ones of the same step, else of the same verb, else as the mean of all.
  double seconds_left(std::size_t from) const {
    double left = 0;
    for (std::size_t k = from; k < plan_.steps.size(); ++k) {
      double sum[3] = {}, count[3] = {};
      for (std::size_t j = 0; j < plan_.steps.size(); ++j) {
        if (!records_[j].finished) continue;
        const bool alike[3] = {plan_.steps[j].step == plan_.steps[k].step, plan_.steps[j].verb == plan_.steps[k].verb,
                               true};
        for (int level = 0; level < 3; ++level)
          if (alike[level]) sum[level] += records_[j].seconds, count[level] += 1;
      }
      for (int level = 0; level < 3; ++level)
        if (count[level] > 0) {
          left += sum[level] / count[level];
          break;
        }
    }
    return left;
  }

  // False where a signal stopped it.
  bool run_step(std::size_t k) {
    const ExperimentStep& step = plan_.steps[k];
    StepRecord& record = records_[k];
    log_info("step {} of {}: {} {}{}", k + 1, plan_.steps.size(), step.verb, step.name,
             finished() > 0 ? fmt::format("; about {} left", clock_text(seconds_left(k))) : "");
    const double before = record.seconds;
    const auto start = std::chrono::steady_clock::now();
    agree_on_root(comm_, "experiment", [&] { write_step_record(step, record); });
    const int status = call_verb(step);
    record.seconds =
        comm_.max(before + std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    if (status != 0 && status != kStoppedBySignal)
      fail("step {}: {} ended with status {}", step.name, step.verb, status);
    record.finished = status == 0;
    agree_on_root(comm_, "experiment", [&] {
      if (record.finished && step_folder_of(step.verb) == StepFolder::moved) move_into(step);
      write_step_record(step, record);
      add_log_file(plan_.folder + "/log.txt");
    });
    if (record.finished)
      log_info("step {} of {}: {} took {}", k + 1, plan_.steps.size(), step.name, clock_text(record.seconds));
    return record.finished;
  }

  int call_verb(const ExperimentStep& step) const {
    const Verb* verb = nullptr;
    for (const auto& v : verbs())
      if (v.name == step.verb) verb = &v;
    try {
      RunConfig config;
      agree(comm_, "step", [&] { config = parse_config(step.settings, step.config_path); });
      config.output.folder = plan_.folder + "/steps";
      if (step_folder_of(step.verb) == StepFolder::resume) config.resume = step.folder;
      if (step_folder_of(step.verb) == StepFolder::moved) {
        config.output.folder = step.folder;
        config.name = "unfinished";
        agree_on_root(comm_, "step", [&] { fs::remove_all(step.folder + "/unfinished"); });
      }
      const Communicator ranks = verb->on_device ? start_device(comm_, config) : comm_;
      const VerbContext context{ranks, std::move(config), step.config_path, false, {}, context_.command_line, {}};
      return static_cast<int>(comm_.max(static_cast<std::int64_t>(verb->run(context))));
    } catch (const AgreedError& error) {
      throw AgreedError(fmt::format("step {}: {}", step.name, error.what()));
    } catch (const Error& error) {
      throw Error(fmt::format("step {}: {}", step.name, error.what()));
    }
  }

  // STEP/unfinished/TIME/* becomes STEP/*.
  static void move_into(const ExperimentStep& step) {
    for (const auto& run : fs::directory_iterator(step.folder + "/unfinished"))
      for (const auto& entry : fs::directory_iterator(run.path()))
        fs::rename(entry.path(), fs::path(step.folder) / entry.path().filename());
    fs::remove_all(step.folder + "/unfinished");
  }

  void tell_table() const {
    std::string csv = "step,seed,verb,seconds,ranks\n";
    double total = 0;
    log_info("{:<28} {:<10} {:>9}", "step", "verb", "seconds");
    for (std::size_t k = 0; k < plan_.steps.size(); ++k) {
      const auto& step = plan_.steps[k];
      log_info("{:<28} {:<10} {:>9.1f}", step.name, step.verb, records_[k].seconds);
      csv +=
          fmt::format("{},{},{},{:.1f},{}\n", step.step, step.seed, step.verb, records_[k].seconds, records_[k].ranks);
      total += records_[k].seconds;
    }
    log_info("experiment {} is finished: {} steps, {} in all; folder {}", plan_.name, plan_.steps.size(),
             clock_text(total), plan_.folder);
    agree_on_root(comm_, "experiment", [&] {
      std::ofstream out(plan_.folder + "/steps.csv", std::ios::binary);
      out << csv << std::flush;
      if (!out) fail("{}/steps.csv: cannot be written; is the disk full?", plan_.folder);
    });
  }

  const VerbContext& context_;
  const Communicator& comm_;
  ExperimentPlan plan_;
  std::vector<StepRecord> records_;
};

}  // namespace

int run_experiment(const VerbContext& context) {
  return Experiment(context, read_experiment(context.comm, context.config_path, context.settings)).run();
}

}  // namespace dpl
