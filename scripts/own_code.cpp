// A plugin of clang and clang-tidy (-fplugin, -load) for the declarations of this project alone.
// clang-tidy's checks walk them and no others: those of all headers included are most of the work,
// and nothing is reported there. And each file must include what it uses, which the compiler does
// not notice where many are compiled as one.
#include <clang/AST/ASTConsumer.h>
#include <clang/AST/ASTContext.h>
#include <clang/AST/RecursiveASTVisitor.h>
#include <clang/Frontend/CompilerInstance.h>
#include <clang/Frontend/FrontendPluginRegistry.h>
#include <clang/Lex/PPCallbacks.h>
#include <clang/Lex/Preprocessor.h>

#include <map>
#include <set>

namespace {

using File = const clang::FileEntry*;

/// Which file includes which, and uses a macro of which.
class Directives : public clang::PPCallbacks {
 public:
  explicit Directives(const clang::SourceManager& sources) : sources_(sources) {}

  File file_of(clang::SourceLocation place) const {
    return sources_.getFileEntryForID(sources_.getFileID(sources_.getExpansionLoc(place)));
  }
  bool is_own(clang::SourceLocation place) const {
    return !sources_.isInSystemHeader(sources_.getExpansionLoc(place));
  }
  void InclusionDirective(clang::SourceLocation hash, const clang::Token&, llvm::StringRef, bool,
                          clang::CharSourceRange, File included, llvm::StringRef, llvm::StringRef,
                          const clang::Module*, clang::SrcMgr::CharacteristicKind) override {
    if (included != nullptr) included_[file_of(hash)].insert(included);
  }
  void MacroExpands(const clang::Token& name, const clang::MacroDefinition& macro,
                    clang::SourceRange, const clang::MacroArgs*) override {
    const clang::SourceLocation defined = macro.getMacroInfo()->getDefinitionLoc();
    if (is_own(name.getLocation()) && file_of(defined) != nullptr)
      macros.push_back({name.getLocation(), file_of(defined)});
  }
  /// Whether a file is `other` or includes it, itself or by what it includes.
  bool reaches(File file, File other) {
    std::set<File>& all = reached_[file];
    if (all.empty()) reach(file, all);
    return all.count(other) != 0;
  }

  std::vector<std::pair<clang::SourceLocation, File>> macros;

 private:
  void reach(File file, std::set<File>& all) {
    if (!all.insert(file).second) return;
    for (File next : included_[file]) reach(next, all);
  }

  const clang::SourceManager& sources_;
  std::map<File, std::set<File>> included_;
  std::map<File, std::set<File>> reached_;
};

/// Complains about each use of what is declared in no file that the using one includes.
class Uses : public clang::RecursiveASTVisitor<Uses> {
 public:
  Uses(clang::DiagnosticsEngine& said, Directives& directives)
      : said_(said), directives_(directives) {}

  void use(clang::SourceLocation place, const std::vector<File>& declared) {
    const File user = directives_.file_of(place);
    if (user == nullptr || declared.empty()) return;
    for (File file : declared)
      if (file == nullptr || directives_.reaches(user, file)) return;
    if (!told_.insert({user, declared.front()}).second) return;
    said_.Report(place, said_.getCustomDiagID(clang::DiagnosticsEngine::Error,
                                              "what is used here is of %0, which is not included"))
        << declared.front()->getName();
  }
  bool use(clang::SourceLocation place, const clang::Decl* decl) {
    std::vector<File> declared;
    for (const clang::Decl* one : decl->redecls())
      declared.push_back(directives_.file_of(one->getLocation()));
    use(place, declared);
    return true;
  }
  bool VisitDeclRefExpr(clang::DeclRefExpr* name) {
    return use(name->getLocation(), name->getDecl());
  }
  bool VisitMemberExpr(clang::MemberExpr* name) {
    return use(name->getMemberLoc(), name->getMemberDecl());
  }
  bool VisitTagTypeLoc(clang::TagTypeLoc name) { return use(name.getNameLoc(), name.getDecl()); }
  bool VisitTypedefTypeLoc(clang::TypedefTypeLoc name) {
    // C's are of whichever of several headers came first.
    const clang::TypedefNameDecl* decl = name.getTypedefNameDecl();
    return decl->getDeclContext()->isExternCContext() || use(name.getNameLoc(), decl);
  }
  bool VisitTemplateSpecializationTypeLoc(clang::TemplateSpecializationTypeLoc name) {
    const clang::TemplateDecl* decl = name.getTypePtr()->getTemplateName().getAsTemplateDecl();
    return decl == nullptr || use(name.getTemplateNameLoc(), decl);
  }

 private:
  clang::DiagnosticsEngine& said_;
  Directives& directives_;
  std::set<std::pair<File, File>> told_;
};

class OwnCode : public clang::ASTConsumer {
 public:
  explicit OwnCode(clang::CompilerInstance& compiler) {
    auto directives = std::make_unique<Directives>(compiler.getSourceManager());
    directives_ = directives.get();
    compiler.getPreprocessor().addPPCallbacks(std::move(directives));
  }
  bool HandleTopLevelDecl(clang::DeclGroupRef group) override {
    for (clang::Decl* decl : group)
      if (directives_->is_own(decl->getLocation())) own_.push_back(decl);
    return true;
  }
  void HandleTranslationUnit(clang::ASTContext& context) override {
    context.setTraversalScope(own_);
    if (context.getDiagnostics().hasErrorOccurred()) return;
    Uses uses(context.getDiagnostics(), *directives_);
    for (clang::Decl* decl : own_) {
      // What a template calls where it is used is not what its own file needs.
      const clang::FunctionDecl* function = decl->getAsFunction();
      if (function == nullptr || !function->isTemplateInstantiation()) uses.TraverseDecl(decl);
    }
    for (const auto& [place, defined] : directives_->macros) uses.use(place, {defined});
  }

 private:
  Directives* directives_;
  std::vector<clang::Decl*> own_;
};

class Action : public clang::PluginASTAction {
  std::unique_ptr<clang::ASTConsumer> CreateASTConsumer(clang::CompilerInstance& compiler,
                                                        llvm::StringRef) override {
    return std::make_unique<OwnCode>(compiler);
  }
  bool ParseArgs(const clang::CompilerInstance&, const std::vector<std::string>&) override {
    return true;
  }
  ActionType getActionType() override { return AddBeforeMainAction; }
};

const clang::FrontendPluginRegistry::Add<Action> added("own-code", "");

}  // namespace
